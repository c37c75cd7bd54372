"""Functions, their states and records for egresses, as in Apache's ``statefun.core`` of SDK 2.x."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any as Untyped
from typing import Final

from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

from statefun_actors import functions
from statefun_actors.address import Address
from statefun_actors.compat.statefun2.kafka_egress_pb2 import KafkaProducerRecord
from statefun_actors.compat.statefun2.kinesis_egress_pb2 import KinesisEgressRecord
from statefun_actors.compat.statefun2.state import AnyStateHandle
from statefun_actors.compat.typenames import parse_typename
from statefun_actors.definition import Scope
from statefun_actors.errors import UndeclaredStateError
from statefun_actors.functions import BoundFunction
from statefun_actors.model import TypedValue
from statefun_actors.types import pack

__all__ = [
    "AnyStateHandle",
    "Context",
    "SdkAddress",
    "StatefulFunction",
    "StatefulFunctions",
    "kafka_egress_record",
    "kinesis_egress_record",
    "parse_typename",
]


class SdkAddress:
    """The address of a function: ``namespace``, ``type`` and ``identity``."""

    __slots__ = ("identity", "namespace", "type")

    def __init__(self, namespace: str, type: str, identity: str) -> None:
        self.namespace, self.type, self.identity = namespace, type, identity

    def __repr__(self) -> str:
        return f"{self.namespace}/{self.type}/{self.identity}"

    def typename(self) -> str:
        """The function type, ``<namespace>/<type>``."""
        return f"{self.namespace}/{self.type}"


def _sdk_address(address: Address) -> SdkAddress:
    namespace, _, name = address.typename.rpartition("/")
    return SdkAddress(namespace, name, address.id)


_RECORDS: Final = {
    f"type.googleapis.com/{cls.DESCRIPTOR.full_name}": f"type.googleapis.com/io.statefun.sdk.egress.{cls.__name__}"
    for cls in (KafkaProducerRecord, KinesisEgressRecord)
}
"""The typenames of records in 2.x, and in this library; the bytes are the same."""


class Context(functions.Context):
    """The address, the caller and the states of a function, and methods to send."""

    __slots__ = ("_address", "handles")

    _address: SdkAddress | None
    handles: dict[str, AnyStateHandle]
    """The states used so far."""

    @property
    def address(self) -> SdkAddress:  # type: ignore[override]
        """The function's own address."""
        scope = self._scope or self._detached("address")
        if self._address is None:
            self._address = _sdk_address(scope.target)
        return self._address

    @property
    def caller(self) -> SdkAddress | None:  # type: ignore[override]
        """The sender of the message; None if it came from an ingress."""
        caller = super().caller
        return None if caller is None else _sdk_address(caller)

    def state(self, name: str) -> AnyStateHandle:
        """The state *name*.

        Raises:
            UndeclaredStateError: Flink did not send it, since module.yaml does not list it. It is a KeyError.
        """
        handle = self.handles.get(name)
        if handle is None:
            stored = self._stored(name, self._scope or self._detached("state"))
            handle = self.handles[name] = AnyStateHandle(typed=stored)
        return handle

    def __getitem__(self, name: str) -> Untyped:
        """The state *name* as an Any; None while it is absent."""
        return self.state(name).value

    def __setitem__(self, name: str, value: object) -> None:
        """Write the state *name*; None deletes it."""
        self.state(name).value = value  # type: ignore[assignment]  # checked when the message is settled

    def _stored(self, name: str, scope: Scope) -> TypedValue | None:
        try:
            return super()._stored(name, scope)
        except UndeclaredStateError:
            if scope.host.holds_all_state:
                return None
            raise

    def send_egress(self, typename: str, message: Any | TypedValue) -> None:
        """Send *message* to the egress *typename*."""
        super().send_egress(typename, _as_record(pack(message)))

    def pack_and_send_egress(self, typename: str, message: object) -> None:
        """Pack *message* and send it to the egress *typename*."""
        (self._scope or self._detached("pack_and_send_egress")).send_egress(typename, _as_record(pack(message)))


def _as_record(value: TypedValue) -> TypedValue:
    name = _RECORDS.get(value.typename)
    return value if name is None else TypedValue(name, value.value)


class StatefulFunction(BoundFunction):
    """One function as a function type."""

    @property
    def func(self) -> Callable[..., object]:
        """The function."""
        return self.function

    @property
    def known_messages(self) -> list[object] | None:
        """The classes of messages that it takes; None for all, as an Any."""
        return None if self._types == (Any,) else list(self._types)

    def message_types(self, function: Callable[..., object], problems: list[str]) -> tuple[object, ...]:
        self._types = super().message_types(function, problems)
        return self._types

    def unpack_any(self, any: Any) -> Message | None:
        """The message in *any*; None if the function takes an Any.

        Raises:
            ValueError: it is of a class that the function does not take.
        """
        if self.known_messages is None:
            return None
        for cls in self._types:
            if isinstance(cls, type) and issubclass(cls, Message) and any.Is(cls.DESCRIPTOR):  # type: ignore[arg-type]
                return cls.FromString(any.value)
        raise ValueError(f"{self.typename} takes {' and '.join(self.taken)}, got {any.type_url}")

    def open(self, scope: Scope) -> Context:
        context = Context(scope, self.typename, self.fields)
        context.handles, context._address = {}, None  # noqa: SLF001 - context of this room
        return context

    def settle(self, subject: functions.Context, scope: Scope) -> None:
        assert isinstance(subject, Context)
        for name, handle in subject.handles.items():
            if handle.packed is not None and handle.modified and name not in self.fields:
                scope.changes[name] = handle.packed
            elif handle.modified:
                functions.Context.__setitem__(subject, name, handle.value)
        super().settle(subject, scope)


class StatefulFunctions(functions.StatefulFunctions):
    """A set of stateful functions.

    ::

    functions = StatefulFunctions()

    @functions.bind("example/greeter")
    def greet(context, message: LoginEvent):
        seen = context.state("seen").unpack(SeenCount) or SeenCount()
    """

    @property
    def _bound_class(self) -> type[BoundFunction]:
        return StatefulFunction

    @property
    def functions(self) -> Mapping[tuple[str, str], BoundFunction]:
        """The functions by namespace and name."""
        return {parse_typename(typename): bound for typename, bound in self._functions.items()}

    def for_type(self, namespace: str, type: str) -> BoundFunction:
        """The function of that function type. Raises KeyError if there is none."""
        return self.functions[namespace, type]


def kafka_egress_record(topic: str, value: Message, key: str | None = None) -> KafkaProducerRecord:
    """A record of the Kafka topic *topic* with the bytes of *value*, for ``pack_and_send_egress``.

    Raises:
        ValueError: the topic or the value is missing.
    """
    _check(topic, "a topic")
    _check(value, "a value")
    return KafkaProducerRecord(topic=topic, value_bytes=value.SerializeToString(), key=key or "")


def kinesis_egress_record(
    stream: str, value: Message, partition_key: str, explicit_hash_key: str | None = None
) -> KinesisEgressRecord:
    """A record of the Kinesis stream *stream* with the bytes of *value*, for ``pack_and_send_egress``.

    Raises:
        ValueError: the stream, the value or the partition key is missing.
    """
    _check(stream, "a stream")
    _check(value, "a value")
    _check(partition_key, "a partition key")
    return KinesisEgressRecord(
        stream=stream,
        value_bytes=value.SerializeToString(),
        partition_key=partition_key,
        explicit_hash_key=explicit_hash_key or "",
    )


def _check(argument: object, expected: str) -> None:
    if not argument:
        raise ValueError(f"expected {expected} for the record, got {argument!r}")
