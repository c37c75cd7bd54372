"""A record of an egress that another partition writes, as bytes: an array in MessagePack."""

from __future__ import annotations

from typing import Final

import msgspec

from statefun_actors.model import Headers, TypedValue


class _Record(msgspec.Struct, frozen=True, gc=False, array_like=True):
    typename: str
    value: bytes
    headers: dict[str, str] | None


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Record).decode


def write_record(value: TypedValue, headers: Headers | None) -> bytes:
    """The bytes of a record, which is in a store: so UTF-8 can encode its texts."""
    return _encode(_Record(value.typename, value.value, None if headers is None else dict(headers)))


def read_record(data: bytes) -> tuple[TypedValue, Headers | None]:
    """The value and the headers of the record in *data*.

    Raises:
        ValueError: :func:`write_record` did not write it.
    """
    found = _decode(data)
    return TypedValue(found.typename, found.value), found.headers
