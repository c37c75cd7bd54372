"""Splits small requests into their parts without protobuf.

protobuf parses a request in C, but makes a Python object for each message and each list that is read of it. For a few
parts these take longer than reading their lengths here. A request that is not just as Flink writes it is left to
protobuf.
"""

from __future__ import annotations

from typing import Final

SMALL: Final = 512
"""Bytes of the largest request that is split here. Of more parts, protobuf reads more in the same time."""

_INVOCATION: Final = b"\xa2\x06"
"""The tag of field 100."""


def split(data: bytes) -> tuple[bytes, list[bytes], list[bytes]] | None:
    """The bytes of the target, of each state and of each invocation in *data*, a request.

    None if it is larger than SMALL, or has not just the form that Flink writes: protobuf reads it, or refuses it.
    """
    end = len(data)
    if end > SMALL or not data.startswith(_INVOCATION):
        return None
    try:
        at, size = 3, data[2]
        if size > 0x7F:
            at, size = 4, size - 0x80 + (data[3] << 7)
        if at + size != end:
            return None
        target = b""
        states: list[bytes] = []
        invocations: list[bytes] = []
        while at < end:
            tag, size = data[at], data[at + 1]
            at += 2
            if size > 0x7F:
                size += (data[at] << 7) - 0x80
                at += 1
            part = data[at : at + size]
            at += size
            if tag == 0x1A:
                invocations.append(part)
            elif tag == 0x12:
                states.append(part)
            elif tag == 0x0A and not target:
                target = part
            else:
                return None
    except IndexError:
        return None
    return (target, states, invocations) if at == end and target else None
