"""Protocol 3.x (StateFun 3.0 and later): values are TypedValues; a function declares its states itself."""

from __future__ import annotations

from typing import Final, assert_never

from statefun_actors.model import Expiration, Invocation, MissingState, TypedValue
from statefun_actors.wire import v3_pb2
from statefun_actors.wire.dialect import Dialect
from statefun_actors.wire.encoding import field, varint
from statefun_actors.wire.reading import Addresses, Reader, UnfitError, has_unknown
from statefun_actors.wire.writing import Writer

PROTOCOL: Final = "3.x"


def _states(batch: v3_pb2.Request.Batch) -> list[tuple[str, TypedValue | None]]:
    return [
        (entry.state_name, TypedValue(value.typename, value.value) if value.has_value else None)
        for entry in batch.state
        for value in (entry.state_value,)
    ]


def _invocations(batch: v3_pb2.Request.Batch, callers: Addresses, invocations: list[Invocation]) -> None:
    append = invocations.append
    for message in batch.invocations:
        argument = message.argument
        if not argument.has_value:
            raise UnfitError("a value", _no_value(argument), "argument")
        append(Invocation(TypedValue(argument.typename, argument.value), callers[message.caller]))


def _no_value(argument: v3_pb2.TypedValue) -> str:
    """What came instead. An Any, the value of 2.x, leaves its field 2 unknown, since there it holds bytes."""
    return "a google.protobuf.Any, which is a value of protocol 2.x" if has_unknown(argument, 2) else "none"


def _value_fields(typename: str, length: int) -> bytes:
    return field(b"\x0a", typename.encode()) + b"\x10\x01" + (b"\x1a" + varint(length) if length else b"")


def _incomplete(outcome: MissingState) -> bytes:
    reply = v3_pb2.FromFunction()
    context = reply.incomplete_invocation_context
    context.SetInParent()
    for spec in outcome.specs:
        missing = context.missing_values.add()
        missing.state_name, missing.type_typename = spec.name, spec.typename
        missing.expiration_spec.mode = _mode(spec.expiration)
        if spec.expiration is not Expiration.NONE:
            missing.expiration_spec.expire_after_millis = spec.ttl_ms
    return reply.SerializeToString()


def _mode(expiration: Expiration) -> int:
    match expiration:
        case Expiration.NONE:
            return v3_pb2.FromFunction.ExpirationSpec.NONE
        case Expiration.AFTER_WRITE:
            return v3_pb2.FromFunction.ExpirationSpec.AFTER_WRITE
        case Expiration.AFTER_CALL:
            return v3_pb2.FromFunction.ExpirationSpec.AFTER_INVOKE
        case _:
            assert_never(expiration)


V3: Final = Dialect(
    PROTOCOL,
    Reader(PROTOCOL, v3_pb2.Request.FromString, v3_pb2.Address.FromString, _states, _invocations).read,
    Writer(_value_fields, {}, _incomplete, cancels=True),
)
"""Protocol 3.x."""
