"""Messages of protocol 3.x, by protos/generate.py from protos/v3/: do not edit."""

from collections.abc import Iterable
from typing import ClassVar

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer, RepeatedScalarFieldContainer
from google.protobuf.message import Message

class KafkaProducerRecord(Message):
    class Header(Message):
        key: str
        value: bytes
        has_value: bool
        def __init__(self, *, key: str = ..., value: bytes = ..., has_value: bool = ...) -> None: ...

    key: str
    value_bytes: bytes
    topic: str
    @property
    def headers(self) -> RepeatedCompositeFieldContainer[KafkaProducerRecord.Header]: ...
    def __init__(
        self,
        *,
        key: str = ...,
        value_bytes: bytes = ...,
        topic: str = ...,
        headers: Iterable[KafkaProducerRecord.Header] | None = None,
    ) -> None: ...

class KinesisEgressRecord(Message):
    partition_key: str
    value_bytes: bytes
    stream: str
    explicit_hash_key: str
    def __init__(
        self, *, partition_key: str = ..., value_bytes: bytes = ..., stream: str = ..., explicit_hash_key: str = ...
    ) -> None: ...

class Request(Message):
    class Batch(Message):
        target: bytes
        @property
        def state(self) -> RepeatedScalarFieldContainer[bytes]: ...
        @property
        def invocations(self) -> RepeatedScalarFieldContainer[bytes]: ...
        def __init__(
            self,
            *,
            target: bytes = ...,
            state: Iterable[bytes] | None = None,
            invocations: Iterable[bytes] | None = None,
        ) -> None: ...

    @property
    def invocation(self) -> Request.Batch: ...
    def __init__(self, *, invocation: Request.Batch | None = None) -> None: ...

class Value(Message):
    typename: str
    has_value: bool
    value: bytes
    metadata: bytes
    def __init__(
        self, *, typename: str = ..., has_value: bool = ..., value: bytes = ..., metadata: bytes = ...
    ) -> None: ...

class State(Message):
    state_name: str
    @property
    def state_value(self) -> Value: ...
    def __init__(self, *, state_name: str = ..., state_value: Value | None = None) -> None: ...

class Invocations(Message):
    class Invocation(Message):
        caller: bytes
        @property
        def argument(self) -> Value: ...
        def __init__(self, *, caller: bytes = ..., argument: Value | None = None) -> None: ...

    class Batch(Message):
        @property
        def invocations(self) -> RepeatedCompositeFieldContainer[Invocations.Invocation]: ...
        def __init__(self, *, invocations: Iterable[Invocations.Invocation] | None = None) -> None: ...

    @property
    def invocation(self) -> Invocations.Batch: ...
    def __init__(self, *, invocation: Invocations.Batch | None = None) -> None: ...

class Metadata(Message):
    class Argument(Message):
        @property
        def metadata(self) -> RepeatedScalarFieldContainer[bytes]: ...
        def __init__(self, *, metadata: Iterable[bytes] | None = None) -> None: ...

    @property
    def argument(self) -> Metadata.Argument: ...
    def __init__(self, *, argument: Metadata.Argument | None = None) -> None: ...

class Address(Message):
    namespace: str
    type: str
    id: str
    def __init__(self, *, namespace: str = ..., type: str = ..., id: str = ...) -> None: ...

class TypedValue(Message):
    class Metadata(Message):
        key: str
        value: bytes
        has_value: bool
        def __init__(self, *, key: str = ..., value: bytes = ..., has_value: bool = ...) -> None: ...

    typename: str
    has_value: bool
    value: bytes
    @property
    def metadata(self) -> RepeatedCompositeFieldContainer[TypedValue.Metadata]: ...
    def __init__(
        self,
        *,
        typename: str = ...,
        has_value: bool = ...,
        value: bytes = ...,
        metadata: Iterable[TypedValue.Metadata] | None = None,
    ) -> None: ...

class ToFunction(Message):
    class PersistedValue(Message):
        state_name: str
        @property
        def state_value(self) -> TypedValue: ...
        def __init__(self, *, state_name: str = ..., state_value: TypedValue | None = None) -> None: ...

    class Invocation(Message):
        @property
        def caller(self) -> Address: ...
        @property
        def argument(self) -> TypedValue: ...
        def __init__(self, *, caller: Address | None = None, argument: TypedValue | None = None) -> None: ...

    class InvocationBatchRequest(Message):
        @property
        def target(self) -> Address: ...
        @property
        def state(self) -> RepeatedCompositeFieldContainer[ToFunction.PersistedValue]: ...
        @property
        def invocations(self) -> RepeatedCompositeFieldContainer[ToFunction.Invocation]: ...
        def __init__(
            self,
            *,
            target: Address | None = None,
            state: Iterable[ToFunction.PersistedValue] | None = None,
            invocations: Iterable[ToFunction.Invocation] | None = None,
        ) -> None: ...

    @property
    def invocation(self) -> ToFunction.InvocationBatchRequest: ...
    def __init__(self, *, invocation: ToFunction.InvocationBatchRequest | None = None) -> None: ...

class FromFunction(Message):
    class PersistedValueMutation(Message):
        DELETE: ClassVar[int]
        MODIFY: ClassVar[int]
        mutation_type: int
        state_name: str
        @property
        def state_value(self) -> TypedValue: ...
        def __init__(
            self, *, mutation_type: int = ..., state_name: str = ..., state_value: TypedValue | None = None
        ) -> None: ...

    class Invocation(Message):
        @property
        def target(self) -> Address: ...
        @property
        def argument(self) -> TypedValue: ...
        def __init__(self, *, target: Address | None = None, argument: TypedValue | None = None) -> None: ...

    class DelayedInvocation(Message):
        delay_in_ms: int
        @property
        def target(self) -> Address: ...
        @property
        def argument(self) -> TypedValue: ...
        is_cancellation_request: bool
        cancellation_token: str
        def __init__(
            self,
            *,
            delay_in_ms: int = ...,
            target: Address | None = None,
            argument: TypedValue | None = None,
            is_cancellation_request: bool = ...,
            cancellation_token: str = ...,
        ) -> None: ...

    class EgressMessage(Message):
        egress_namespace: str
        egress_type: str
        @property
        def argument(self) -> TypedValue: ...
        def __init__(
            self, *, egress_namespace: str = ..., egress_type: str = ..., argument: TypedValue | None = None
        ) -> None: ...

    class InvocationResponse(Message):
        @property
        def state_mutations(self) -> RepeatedCompositeFieldContainer[FromFunction.PersistedValueMutation]: ...
        @property
        def outgoing_messages(self) -> RepeatedCompositeFieldContainer[FromFunction.Invocation]: ...
        @property
        def delayed_invocations(self) -> RepeatedCompositeFieldContainer[FromFunction.DelayedInvocation]: ...
        @property
        def outgoing_egresses(self) -> RepeatedCompositeFieldContainer[FromFunction.EgressMessage]: ...
        def __init__(
            self,
            *,
            state_mutations: Iterable[FromFunction.PersistedValueMutation] | None = None,
            outgoing_messages: Iterable[FromFunction.Invocation] | None = None,
            delayed_invocations: Iterable[FromFunction.DelayedInvocation] | None = None,
            outgoing_egresses: Iterable[FromFunction.EgressMessage] | None = None,
        ) -> None: ...

    class ExpirationSpec(Message):
        NONE: ClassVar[int]
        AFTER_WRITE: ClassVar[int]
        AFTER_INVOKE: ClassVar[int]
        mode: int
        expire_after_millis: int
        def __init__(self, *, mode: int = ..., expire_after_millis: int = ...) -> None: ...

    class PersistedValueSpec(Message):
        state_name: str
        @property
        def expiration_spec(self) -> FromFunction.ExpirationSpec: ...
        type_typename: str
        def __init__(
            self,
            *,
            state_name: str = ...,
            expiration_spec: FromFunction.ExpirationSpec | None = None,
            type_typename: str = ...,
        ) -> None: ...

    class IncompleteInvocationContext(Message):
        @property
        def missing_values(self) -> RepeatedCompositeFieldContainer[FromFunction.PersistedValueSpec]: ...
        def __init__(self, *, missing_values: Iterable[FromFunction.PersistedValueSpec] | None = None) -> None: ...

    @property
    def invocation_result(self) -> FromFunction.InvocationResponse: ...
    @property
    def incomplete_invocation_context(self) -> FromFunction.IncompleteInvocationContext: ...
    def __init__(
        self,
        *,
        invocation_result: FromFunction.InvocationResponse | None = None,
        incomplete_invocation_context: FromFunction.IncompleteInvocationContext | None = None,
    ) -> None: ...

class BooleanWrapper(Message):
    value: bool
    def __init__(self, *, value: bool = ...) -> None: ...

class IntWrapper(Message):
    value: int
    def __init__(self, *, value: int = ...) -> None: ...

class LongWrapper(Message):
    value: int
    def __init__(self, *, value: int = ...) -> None: ...

class FloatWrapper(Message):
    value: float
    def __init__(self, *, value: float = ...) -> None: ...

class DoubleWrapper(Message):
    value: float
    def __init__(self, *, value: float = ...) -> None: ...

class StringWrapper(Message):
    value: str
    def __init__(self, *, value: str = ...) -> None: ...
