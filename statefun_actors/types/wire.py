"""The parts of the protobuf wire format that this package writes and reads itself.

It writes fields with a known number. It reads all fields of a message as a list of (number, wire type, value), without
its schema; callers select the fields they know.
"""

from __future__ import annotations

from typing import Final

VARINT: Final = 0
FIXED64: Final = 1
LENGTH: Final = 2
FIXED32: Final = 5

_GROUP_START = 3
_GROUP_END = 4
_DEEPEST_GROUP = 100
ONE_BYTE: Final = 128
"""Lengths below it take one byte."""
SHORT: Final = [[bytes((number << 3 | LENGTH, size)) for size in range(ONE_BYTE)] for number in range(5)]
"""``SHORT[number][size]``: tag and length of a string, bytes or message field."""


def varint(number: int) -> bytes:
    """Encode *number* (>= 0) as a varint."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def length_field(number: int, data: bytes) -> bytes:
    """Encode a string, bytes or message field; empty *data* is omitted, as in proto3."""
    size = len(data)
    if 0 < size < ONE_BYTE and number < len(SHORT):
        return SHORT[number][size] + data
    return varint(number << 3 | LENGTH) + varint(size) + data if data else b""


def fields(data: bytes) -> list[tuple[int, int, int | bytes]]:
    """The fields of a message in their order: a varint as an unsigned int, others as bytes.

    Raises:
        ValueError: *data* is not a protobuf message.
    """
    found: list[tuple[int, int, int | bytes]] = []
    position, end = 0, len(data)
    groups: list[int] = []
    while position < end:
        tag, position = _read_varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise ValueError(f"malformed protobuf: field number {number}")
        value: int | bytes
        if wire_type == VARINT:
            value, position = _read_varint(data, position)
        elif wire_type == _GROUP_START:
            if len(groups) == _DEEPEST_GROUP:
                raise ValueError("malformed protobuf: groups nested too deeply")
            groups.append(number)
            continue
        elif wire_type == _GROUP_END:
            if not groups or groups.pop() != number:
                raise ValueError("malformed protobuf: a group end without a start")
            continue
        else:
            if wire_type == LENGTH:
                size, position = _read_varint(data, position)
            elif wire_type == FIXED64:
                size = 8
            elif wire_type == FIXED32:
                size = 4
            else:
                raise ValueError(f"malformed protobuf: wire type {wire_type}")
            if size > end - position:
                raise ValueError("malformed protobuf: it ends in the middle of a field")
            value = data[position : position + size]
            position += size
        if not groups:
            found.append((number, wire_type, value))
    if groups:
        raise ValueError("malformed protobuf: it ends in the middle of a group")
    return found


def last(data: bytes, wire_type: int) -> int | bytes | None:
    """The value of the last field 1 in *data* that has *wire_type*; None if there is none.

    Raises:
        ValueError: *data* is not a protobuf message.
    """
    value: int | bytes | None = None
    for number, came, this in fields(data):
        if number == 1 and came == wire_type:
            value = this
    return value


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    for index in range(position, min(position + 10, len(data))):
        byte = data[index]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & 0xFFFF_FFFF_FFFF_FFFF, index + 1
        shift += 7
    raise ValueError("malformed protobuf: a varint that does not end")
