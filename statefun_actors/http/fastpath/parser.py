"""Parser for the head of a plain request: bytes in, a value out.

The rule: it accepts only heads that any HTTP server would parse in the same way. It declines ambiguous heads and those
that need more than a response; Hypercorn parses them: other methods, other versions, a chunked body, a
length that is missing, given twice or written strangely, folded lines, bare line feeds, bytes that are not ASCII,
``Expect``, ``Upgrade``, a ``Connection`` other than ``keep-alive``.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from msgspec import Struct

LONGEST_HEAD: Final = 8_192

Headers: TypeAlias = "tuple[tuple[bytes, bytes], ...]"


class Head(Struct, frozen=True, gc=False):
    """A request without its body, which has ``length`` bytes and begins after ``size`` bytes."""

    method: str
    target: bytes
    headers: Headers
    """The headers, with names in lower case."""
    block: bytes
    """The bytes of the headers."""
    length: int
    size: int


class Unread(Enum):
    """The reason for no result."""

    INCOMPLETE = "incomplete"
    """The head is incomplete: retry with more bytes."""
    DECLINED = "declined"
    """The head is not plain: pass it to Hypercorn."""


INCOMPLETE: Final = Unread.INCOMPLETE
DECLINED: Final = Unread.DECLINED

_START: Final = re.compile(rb"(POST|PUT) (/[\x21-\x7e]*) HTTP/1\.1\r\n")
_HEADER: Final = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*((?:[\x21-\x7e]+(?:[ \t]+[\x21-\x7e]+)*)?)[ \t]*")
_LENGTH: Final = re.compile(rb"[0-9]{1,10}")
_OTHERS: Final = frozenset(
    (b"transfer-encoding", b"expect", b"upgrade", b"trailer", b"te", b"http2-settings", b"proxy-connection")
)
"""Headers that only Hypercorn can handle."""


def read_head(data: bytes) -> Head | Unread:
    """Parse the head at the start of *data*."""
    end = data.find(b"\r\n\r\n", 0, LONGEST_HEAD)
    if end < 0:
        return _unfinished(data)
    start = _START.match(data, 0, end + 2)
    if start is None:
        return DECLINED
    method, target = start.groups()
    block = data[start.end() : end]
    read = _read_headers(block)
    if read is None:
        return DECLINED
    headers, length = read
    return Head("POST" if method == b"POST" else "PUT", target, headers, block, length, end + 4)


def headers_of(block: bytes) -> Headers:
    """The headers in the *block* of a head."""
    read = _read_headers(block)
    assert read is not None, "read_head has read them"
    return read[0]


def _unfinished(data: bytes) -> Literal[Unread.INCOMPLETE, Unread.DECLINED]:
    if len(data) >= LONGEST_HEAD or not (data[:6] == b"POST /"[: len(data)] or data[:5] == b"PUT /"[: len(data)]):
        return DECLINED
    # Servers that accept bare line feeds as line ends could see another end of the head.
    return INCOMPLETE if data.count(b"\n") == data.count(b"\r\n") else DECLINED


@lru_cache(1024)
def _read_headers(block: bytes) -> tuple[Headers, int] | None:
    """The headers in *block* and the length of the body; None if they are not plain.

    Cached, since clients repeat their headers.
    """
    headers: list[tuple[bytes, bytes]] = []
    length = hosts = None
    for line in block.split(b"\r\n"):
        match = _HEADER.fullmatch(line)
        if match is None:
            return None
        name, value = match[1].lower(), match[2]
        if name in _OTHERS:
            return None
        if name == b"content-length":
            if length is not None or not _LENGTH.fullmatch(value):
                return None
            length = int(value)
        elif name == b"host":
            if hosts is not None:
                return None
            hosts = value
        elif name == b"connection" and value.lower() != b"keep-alive":
            return None
        headers.append((name, value))
    return None if length is None or hosts is None else (tuple(headers), length)
