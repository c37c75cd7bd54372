"""Protocol 2.x (StateFun 2.0 to 2.2): values are Anys, module.yaml declares states, nothing can be cancelled."""

from __future__ import annotations

from typing import Final, NoReturn

from google.protobuf.any_pb2 import Any

from statefun_actors.model import UNREADABLE, Invocation, MissingState, TypedValue
from statefun_actors.wire import v2_pb2, v3_pb2
from statefun_actors.wire.dialect import Dialect
from statefun_actors.wire.encoding import field, varint
from statefun_actors.wire.reply_writer import Conversions, Writer
from statefun_actors.wire.request_reader import (
    UNKNOWN,
    UNPARSABLE,
    Addresses,
    Reader,
    UnfitError,
    has_unknown,
    repeated_state,
)

PROTOCOL: Final = "2.x"

_GOOGLE: Final = "type.googleapis.com"
_ANY: Final = f"{_GOOGLE}/google.protobuf.Any"


def _states(entries: list[v2_pb2.ToFunction.PersistedValue]) -> dict[str, TypedValue | None]:
    states = {entry.state_name: _state(entry.state_value) for entry in entries}
    if len(states) != len(entries):
        raise repeated_state(entry.state_name for entry in entries)
    return states


def _state(data: bytes) -> TypedValue | None:
    if not data:
        return None
    try:
        packed = Any.FromString(data)
    except UNPARSABLE:
        return TypedValue(UNREADABLE, data)
    return TypedValue(packed.type_url, packed.value) if packed.type_url else TypedValue(UNREADABLE, data)


_callers: Final = Addresses(v2_pb2.Address.FromString)


def _invocations(
    data: bytes,  # noqa: ARG001 - 3.x
    messages: list[v2_pb2.Request.Invocation],
    invocations: list[Invocation],
) -> None:
    append, known_callers = invocations.append, _callers.known
    for message in messages:
        argument = message.argument
        value = argument.value
        if not value:
            _check_empty(message)
        caller = message.caller
        found = known_callers.get(caller, UNKNOWN)  # one look-up, as in 3.x
        append(Invocation(TypedValue(argument.type_url, value), _callers.read(caller) if found is UNKNOWN else found))


def _check_empty(message: v2_pb2.Request.Invocation) -> None:
    """Refuse an empty argument that is absent, or is a 3.x value, whose bytes an Any ignores.

    Read as Anys, all values of 3.x are empty: every state would be read as zero, and then be overwritten.
    """
    if not message.HasField("argument"):
        raise UnfitError("a value", "none", "argument")
    if has_unknown(message.argument, 2):
        raise UnfitError("a value", "a TypedValue, a value of protocol 3.x", "argument")


def _value_fields(type_url: str, length: int) -> bytes:
    return field(b"\x0a", type_url.encode()) + (b"\x12" + varint(length) if length else b"")


def _as_bytes_value(data: bytes) -> tuple[str, bytes]:
    return f"{_GOOGLE}/google.protobuf.BytesValue", field(b"\x0a", data)


def _as_int32_value(data: bytes) -> tuple[str, bytes]:
    try:
        number = v3_pb2.IntWrapper.FromString(data).value
    except UNPARSABLE:
        return "io.statefun.types/int", data
    return f"{_GOOGLE}/google.protobuf.Int32Value", _number(number)


def _as_int64_value(data: bytes) -> tuple[str, bytes]:
    try:
        number = v3_pb2.LongWrapper.FromString(data).value
    except UNPARSABLE:
        return "io.statefun.types/long", data
    return f"{_GOOGLE}/google.protobuf.Int64Value", _number(number)


def _number(number: int) -> bytes:
    """Field 1 as int32 or int64: both write a negative number in 64 bits."""
    return b"\x08" + varint(number & 0xFFFF_FFFF_FFFF_FFFF) if number else b""


# An Any holds protobuf messages, so primitives are sent in protobuf's wrappers. All but those of integers have the
# same bytes. Bytes that are not a valid primitive stay unchanged, for the receiver to refuse.
CONVERSIONS: Final[Conversions] = {
    "io.statefun.types/bool": f"{_GOOGLE}/google.protobuf.BoolValue",
    "io.statefun.types/int": _as_int32_value,
    "io.statefun.types/long": _as_int64_value,
    "io.statefun.types/float": f"{_GOOGLE}/google.protobuf.FloatValue",
    "io.statefun.types/double": f"{_GOOGLE}/google.protobuf.DoubleValue",
    "io.statefun.types/string": f"{_GOOGLE}/google.protobuf.StringValue",
    "statefun-actors/bytes": _as_bytes_value,
    **{
        f"{_GOOGLE}/io.statefun.sdk.egress.{record}": f"{_GOOGLE}/org.apache.flink.statefun.flink.io.{record}"
        for record in ("KafkaProducerRecord", "KinesisEgressRecord")
    },
}


def _any_state(data: bytes) -> tuple[str, bytes]:
    """A state declared as Any is written as the Any itself, as the 2.0 SDK does.

    An Any that would be read back differently, since it is empty or contains an Any, is wrapped in another Any.
    """
    held = Any.FromString(data)
    return (held.type_url, held.value) if held.type_url not in ("", _ANY) else (_ANY, data)


def _incomplete(outcome: MissingState) -> NoReturn:
    names = ", ".join(spec.name for spec in outcome.specs)
    raise TypeError(f"protocol 2.x can't request states ({names}): fail the batch with a MissingStateError instead")


_WRITER: Final = Writer(_value_fields, CONVERSIONS, _incomplete, state_conversions={_ANY: _any_state}, cancels=False)

V2: Final = Dialect(
    PROTOCOL,
    Reader(PROTOCOL, v2_pb2.Request.FromString, v2_pb2.Address.FromString, _states, _invocations).read,
    _WRITER,
)
"""Protocol 2.x."""

in_2x: Final = _WRITER.converted
"""A value as 2.x writes it in a message or a record."""
state_in_2x: Final = _WRITER.converted_state
"""A value as 2.x writes it in a state."""
