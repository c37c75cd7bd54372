"""Protocol 3.x (StateFun 3.0 and later): values are TypedValues, functions declare their states."""

from __future__ import annotations

import contextlib
from typing import Final, assert_never

from statefun_actors.address import Address
from statefun_actors.model import Expiration, Headers, Invocation, MissingState, TypedValue, text_headers
from statefun_actors.wire import v3_pb2
from statefun_actors.wire.dialect import Dialect
from statefun_actors.wire.encoding import field, varint
from statefun_actors.wire.headers_writer import HeadersWriter
from statefun_actors.wire.prefix_cache import MARK, PrefixCache
from statefun_actors.wire.reply_writer import Writer
from statefun_actors.wire.request_reader import (
    UNKNOWN,
    UNPARSABLE,
    Addresses,
    Reader,
    UnfitError,
    has_unknown,
    repeated_state,
)
from statefun_actors.wire.splitting import split

PROTOCOL: Final = "3.x"

_parse_state: Final = v3_pb2.State.FromString
_parse_invocations: Final = v3_pb2.Invocations.FromString
_parse_header: Final = v3_pb2.TypedValue.Metadata.FromString

_callers: Final = Addresses(v3_pb2.Address.FromString)
_state_prefixes: Final = PrefixCache[str]()
_invocation_prefixes: Final = PrefixCache[Address | None]()
_known_state: Final = _state_prefixes.get
_known_invocation: Final = _invocation_prefixes.get


def _states(parts: list[bytes]) -> dict[str, TypedValue | None]:
    states: dict[str, TypedValue | None] = {}
    for part in parts:
        prefix, _, end = part.partition(MARK)
        known = _known_state(prefix)
        if known is not None and len(end) - 1 == known[2] == end[0]:
            states[known[0]] = TypedValue(known[1], end[1:])
            continue
        entry = _parse_state(part)
        name, value = entry.state_name, entry.state_value
        states[name] = TypedValue(value.typename, value.value) if value.has_value else None
        if value.has_value:
            _state_prefixes.remember(part, name.encode(), name, value.typename)
    if len(states) != len(parts):
        raise repeated_state(_parse_state(part).state_name for part in parts)
    return states


def _invocations(data: bytes, parts: list[bytes], invocations: list[Invocation]) -> None:
    if not _invocation_prefixes.resting:
        for part in parts:
            prefix, _, end = part.partition(MARK)
            known = _known_invocation(prefix)
            if known is None:
                break
            caller, typename, size = known
            if not len(end) - 1 == size == end[0]:
                break
            invocations.append(Invocation(TypedValue(typename, end[1:]), caller))
        _invocation_prefixes.used += len(invocations)
    if len(invocations) < len(parts):
        _parsed(data, parts, invocations)


def _parsed(data: bytes, parts: list[bytes], invocations: list[Invocation]) -> None:
    """Append the remaining invocations in *data*, which are *parts*."""
    resting = _invocation_prefixes.resting
    known_callers = _callers.known
    begin = len(invocations)
    for part, message in zip(parts[begin:], _parse_invocations(data).invocation.invocations[begin:], strict=True):
        argument = message.argument
        if not argument.has_value:
            raise UnfitError("a value", _no_value(argument), "argument")
        typename, first = argument.typename, message.caller
        found = known_callers.get(first, UNKNOWN)  # one look-up: another thread may clear the cache between two
        caller = _callers.read(first) if found is UNKNOWN else found
        headers = None
        # `HasField` takes twice as long. Of an empty entry at the end, what Flink writes last is its length, 0.
        if argument.metadata or (not part[-1] and argument.HasField("metadata")):
            headers = _headers(part)
        invocations.append(Invocation(TypedValue(typename, argument.value), caller, headers))
        if found is not UNKNOWN and not resting:  # a caller that was seen once may not be seen again
            _invocation_prefixes.remember(part, first, caller, typename)
    if resting:
        _invocation_prefixes.resting = max(0, resting - len(parts))


def _headers(part: bytes) -> Headers | None:
    """The headers of the invocation *part*, without malformed ones: they must not make its message unreadable."""
    pairs: list[tuple[str, bytes | None]] = []
    for entry in v3_pb2.Metadata.FromString(part).argument.metadata:
        with contextlib.suppress(*UNPARSABLE):
            header = _parse_header(entry)
            pairs.append((header.key, header.value if header.has_value else None))
    return text_headers(pairs)


def _no_value(argument: v3_pb2.Value) -> str:
    """The value that was found instead. In an Any, the value of 2.x, field 2 is unknown to TypedValue."""
    return "a google.protobuf.Any, a value of protocol 2.x" if has_unknown(argument, 2) else "none"


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
    Reader(PROTOCOL, v3_pb2.Request.FromString, v3_pb2.Address.FromString, _states, _invocations, split).read,
    Writer(_value_fields, {}, _incomplete, cancels=True),
    HeadersWriter(_value_fields, _incomplete),
)
"""Protocol 3.x."""
