"""Encoders of protobuf fields, and a cache of encoded pieces.

Replies are not built from message objects: each assignment to one costs more than joining known bytes. The output is
the same as that of protobuf, byte for byte: fields in the order of their numbers, without empty or zero values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

_K = TypeVar("_K")
_P = TypeVar("_P", bytes, tuple[bytes, bytes])

_KEYS: Final = 4096
_KEPT_BYTES: Final = 1024


def _varint(number: int) -> bytes:
    septets = bytearray()
    while number > 0x7F:
        septets.append(number & 0x7F | 0x80)
        number >>= 7
    septets.append(number)
    return bytes(septets)


_SMALL: Final = 2048
_VARINTS: Final = [_varint(number) for number in range(_SMALL)]


def varint(number: int) -> bytes:
    """*number* (>= 0) as a varint."""
    return _VARINTS[number] if number < _SMALL else _varint(number)


def field(tag: bytes, content: bytes) -> bytes:
    """A string or bytes field; empty if its content is."""
    return tag + varint(len(content)) + content if content else b""


class Pieces(Generic[_K, _P]):
    """Cache of encoded pieces (bytes, or two of them) by their arguments.

    Its size is bounded by about 10 MiB: it is cleared when it has 4,096 keys, and does not keep long pieces.
    """

    def __init__(self, make: Callable[[_K], _P]) -> None:
        self.known: Final[dict[_K, _P]] = {}
        """Look here first, and call :meth:`made` on a KeyError. A dict with ``__missing__`` takes four times as long to
        find what it has."""
        self._make: Callable[[_K], _P] = make

    def made(self, key: _K) -> _P:
        """The piece for *key*, which is not known."""
        piece: _P = self._make(key)
        if (len(piece) if isinstance(piece, bytes) else sum(map(len, piece))) <= _KEPT_BYTES:
            if len(self.known) >= _KEYS:
                self.known.clear()
            self.known[key] = piece
        return piece

    def find(self, key: _K) -> _P:
        """The piece for *key*."""
        piece = self.known.get(key)
        return self.made(key) if piece is None else piece
