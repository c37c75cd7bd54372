"""A message for another partition, as the value of an egress record.

It is an array in MessagePack. Texts that UTF-8 can't encode are bytes in it: the receiver's store refuses such a
message, and makes it a dead letter, as a store without partitions does.
"""

from __future__ import annotations

from typing import Final

import msgspec

from statefun_actors.address import Address
from statefun_actors.model import Headers, TypedValue

HANDED_OVER: Final = "statefun-actors/message"
"""The typename of its records."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """A message for an address of another partition."""

    target: Address
    value: TypedValue
    caller: Address | None
    headers: Headers | None


class _Plain(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=0):
    """A message whose texts UTF-8 can encode."""

    target: tuple[str, str]
    typename: str
    value: bytes
    caller: tuple[str, str] | None
    headers: dict[str, str] | None


class _Escaped(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=1):
    """Any other message; its texts are bytes."""

    target: tuple[bytes, bytes]
    typename: bytes
    value: bytes
    caller: tuple[bytes, bytes] | None
    headers: list[tuple[bytes, bytes]] | None


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Plain | _Escaped).decode


def write_envelope(
    target: Address, value: TypedValue, caller: Address | None, headers: Headers | None = None
) -> TypedValue:
    """The value of the egress record for a message."""
    kept = None if headers is None else dict(headers)
    try:
        return TypedValue(HANDED_OVER, _encode(_Plain(target, value.typename, value.value, caller, kept)))
    except UnicodeEncodeError:
        escaped = _Escaped(
            (_bytes(target[0]), _bytes(target[1])),
            _bytes(value.typename),
            value.value,
            None if caller is None else (_bytes(caller[0]), _bytes(caller[1])),
            None if kept is None else [(_bytes(name), _bytes(text)) for name, text in kept.items()],
        )
        return TypedValue(HANDED_OVER, _encode(escaped))


def read_envelope(value: bytes) -> Envelope:
    """The message in a record whose value is *value*.

    Raises:
        ValueError: it is not one that :func:`write_envelope` wrote.
    """
    written = _decode(value)
    if isinstance(written, _Plain):
        caller = None if written.caller is None else Address(*written.caller)
        return Envelope(Address(*written.target), TypedValue(written.typename, written.value), caller, written.headers)
    return Envelope(
        _address(written.target),
        TypedValue(_text(written.typename), written.value),
        None if written.caller is None else _address(written.caller),
        None if written.headers is None else {_text(name): _text(text) for name, text in written.headers},
    )


def _address(parts: tuple[bytes, bytes]) -> Address:
    return Address(_text(parts[0]), _text(parts[1]))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(text: bytes) -> str:
    return text.decode("utf-8", "surrogatepass")
