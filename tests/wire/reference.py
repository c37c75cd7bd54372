"""Requests and replies by the generated classes alone: slow, plain, and the reference for the wire."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from typing import Final

from google.protobuf.any_pb2 import Any
from google.protobuf.wrappers_pb2 import (
    BoolValue,
    BytesValue,
    DoubleValue,
    FloatValue,
    Int32Value,
    Int64Value,
    StringValue,
)

from statefun_actors.address import Address
from statefun_actors.model import (
    Batch,
    Cancel,
    Done,
    Egress,
    Expiration,
    Headers,
    Invocation,
    MissingState,
    Send,
    SendAfter,
    TypedValue,
)
from statefun_actors.wire import V2, V3, Dialect, v2_pb2, v3_pb2

BOTH = (V3, V2)

GOOGLE = "type.googleapis.com/"
KAFKA = GOOGLE + "io.statefun.sdk.egress.KafkaProducerRecord"
KINESIS = GOOGLE + "io.statefun.sdk.egress.KinesisEgressRecord"


def new_request(dialect: Dialect) -> v3_pb2.ToFunction | v2_pb2.ToFunction:
    return v3_pb2.ToFunction() if dialect is V3 else v2_pb2.ToFunction()


def request(dialect: Dialect, batch: Batch) -> bytes:
    """The request of Flink for *batch*."""
    message = new_request(dialect)
    fill_address(message.invocation.target, batch.target)
    for name, state in batch.state.items():
        entry = message.invocation.state.add()
        entry.state_name = name
        if isinstance(entry, v2_pb2.ToFunction.PersistedValue):
            entry.state_value = packed(state) if state else b""
        elif state:
            fill_value(entry.state_value, state)
    for invocation in batch.invocations:
        added = message.invocation.invocations.add()
        if invocation.caller:
            fill_address(added.caller, invocation.caller)
        fill_value(added.argument, invocation.argument)
        add_metadata(added.argument, invocation.headers)
    return message.SerializeToString()


def read(dialect: Dialect, data: bytes) -> Batch:
    """The batch in *data*, which is taken to be well-formed."""
    message = (v3_pb2.ToFunction if dialect is V3 else v2_pb2.ToFunction).FromString(data).invocation
    state: dict[str, TypedValue | None] = {}
    for entry in message.state:
        if isinstance(entry, v3_pb2.ToFunction.PersistedValue):
            held = entry.state_value
            state[entry.state_name] = TypedValue(held.typename, held.value) if held.has_value else None
        elif entry.state_value:
            state[entry.state_name] = unpacked(entry.state_value)
        else:
            state[entry.state_name] = None
    invocations: list[Invocation] = []
    for invocation in message.invocations:
        caller = address_of(invocation.caller) if invocation.HasField("caller") else None
        argument = invocation.argument
        if isinstance(argument, v3_pb2.TypedValue):
            if not argument.has_value:
                raise ValueError
            headers = headers_of((each.key, each.value) for each in argument.metadata if each.has_value)
            invocations.append(Invocation(TypedValue(argument.typename, argument.value), caller, headers or None))
        else:
            invocations.append(Invocation(TypedValue(argument.type_url, argument.value), caller))
    return Batch(address_of(message.target), state, invocations)


def headers_of(given: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    headers = {}
    for name, value in given:
        try:
            headers[name] = value.decode()
        except UnicodeDecodeError:
            continue
    return headers


def reply(
    dialect: Dialect, outcome: Done | MissingState, token_prefix: str | None = None
) -> v3_pb2.FromFunction | v2_pb2.FromFunction:
    """The reply to Flink for *outcome*, with the headers of its effects if there are any."""
    if isinstance(outcome, MissingState):
        return missing(outcome)
    message = v3_pb2.FromFunction() if dialect is V3 else v2_pb2.FromFunction()
    result = message.invocation_result
    result.SetInParent()
    for name, change in outcome.changes.items():
        mutation = result.state_mutations.add()
        mutation.state_name = name
        if change is None:
            mutation.mutation_type = mutation.DELETE
        else:
            mutation.mutation_type = mutation.MODIFY
            if isinstance(mutation, v2_pb2.FromFunction.PersistedValueMutation):
                mutation.state_value = packed(in_2x(change))
            else:
                fill_value(mutation.state_value, change)
    for effect in outcome.effects:
        match effect:
            case Send():
                sent = result.outgoing_messages.add()
                fill_address(sent.target, effect.target)
                fill_value(sent.argument, effect.value if dialect is V3 else in_2x(effect.value))
                add_metadata(sent.argument, effect.headers)
            case SendAfter():
                if token_prefix is not None and effect.token is not None:
                    add_cancellation(result, f"{token_prefix}:{effect.token}")
                delayed = result.delayed_invocations.add()
                delayed.delay_in_ms = effect.delay_ms
                fill_address(delayed.target, effect.target)
                fill_value(delayed.argument, effect.value if dialect is V3 else in_2x(effect.value))
                add_metadata(delayed.argument, effect.headers)
                if effect.token is not None and isinstance(delayed, v3_pb2.FromFunction.DelayedInvocation):
                    prefix = "" if token_prefix is None else f"{token_prefix}:"
                    delayed.cancellation_token = prefix + effect.token
            case Cancel():
                add_cancellation(result, effect.token if token_prefix is None else f"{token_prefix}:{effect.token}")
            case Egress():
                record = result.outgoing_egresses.add()
                record.egress_namespace, _, record.egress_type = effect.egress.rpartition("/")
                fill_value(record.argument, effect.value if dialect is V3 else in_2x(effect.value))
                if effect.headers and effect.value.typename == KAFKA:
                    added = v3_pb2.KafkaProducerRecord()
                    for name, text in effect.headers.items():
                        added.headers.add(key=name, value=text.encode(), has_value=True)
                    record.argument.value += added.SerializeToString()
    return message


def add_cancellation(
    result: v3_pb2.FromFunction.InvocationResponse | v2_pb2.FromFunction.InvocationResponse, token: str
) -> None:
    if token and isinstance(result, v3_pb2.FromFunction.InvocationResponse):
        cancellation = result.delayed_invocations.add()
        cancellation.is_cancellation_request = True
        cancellation.cancellation_token = token


def missing(outcome: MissingState) -> v3_pb2.FromFunction:
    modes = {Expiration.NONE: 0, Expiration.AFTER_WRITE: 1, Expiration.AFTER_CALL: 2}
    message = v3_pb2.FromFunction()
    message.incomplete_invocation_context.SetInParent()
    for spec in outcome.specs:
        added = message.incomplete_invocation_context.missing_values.add()
        added.state_name = spec.name
        added.type_typename = spec.typename
        added.expiration_spec.mode = modes[spec.expiration]
        added.expiration_spec.expire_after_millis = spec.ttl_ms
    return message


def parsed(dialect: Dialect, data: bytes) -> v3_pb2.FromFunction | v2_pb2.FromFunction:
    return (v3_pb2.FromFunction if dialect is V3 else v2_pb2.FromFunction).FromString(data)


def address_of(message: v3_pb2.Address | v2_pb2.Address) -> Address:
    return Address(f"{message.namespace}/{message.type}", message.id)


def fill_address(message: v3_pb2.Address | v2_pb2.Address, address: Address) -> None:
    message.namespace = address.namespace
    message.type = address.name
    message.id = address.id


def fill_value(message: v3_pb2.TypedValue | Any, value: TypedValue) -> None:
    if isinstance(message, v3_pb2.TypedValue):
        message.typename, message.has_value, message.value = value.typename, True, value.value
    else:
        message.SetInParent()
        message.type_url, message.value = value.typename, value.value


def add_metadata(message: v3_pb2.TypedValue | Any, headers: Headers | None) -> None:
    if isinstance(message, v3_pb2.TypedValue):
        for name, text in (headers or {}).items():
            message.metadata.add(key=name, value=text.encode(), has_value=True)


def packed(value: TypedValue) -> bytes:
    return Any(type_url=value.typename, value=value.value).SerializeToString()


def unpacked(data: bytes) -> TypedValue:
    packed = Any.FromString(data)
    return TypedValue(packed.type_url, packed.value)


def in_2x(value: TypedValue) -> TypedValue:
    """*value* as 2.x writes it."""
    renamed = {
        KAFKA: GOOGLE + "org.apache.flink.statefun.flink.io.KafkaProducerRecord",
        KINESIS: GOOGLE + "org.apache.flink.statefun.flink.io.KinesisEgressRecord",
    }
    if value.typename in renamed:
        return TypedValue(renamed[value.typename], value.value)
    if value.typename not in WRAPPERS:
        return value
    source, carrier = WRAPPERS[value.typename]
    content = source.FromString(value.value).value if source else value.value
    return TypedValue(GOOGLE + carrier.DESCRIPTOR.full_name, carrier(value=content).SerializeToString())


WRAPPERS: Final[dict[str, tuple[type[typing.Any] | None, type[typing.Any]]]] = {
    "io.statefun.types/bool": (v3_pb2.BooleanWrapper, BoolValue),
    "io.statefun.types/int": (v3_pb2.IntWrapper, Int32Value),
    "io.statefun.types/long": (v3_pb2.LongWrapper, Int64Value),
    "io.statefun.types/float": (v3_pb2.FloatWrapper, FloatValue),
    "io.statefun.types/double": (v3_pb2.DoubleWrapper, DoubleValue),
    "io.statefun.types/string": (v3_pb2.StringWrapper, StringValue),
    "statefun-actors/bytes": (None, BytesValue),
}
