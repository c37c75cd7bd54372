"""Cache of parts of 3.x requests by their prefixes, so that repeated parts need no parsing.

A part is a state or an invocation: field 1 is its name or caller, field 2 is a TypedValue. Flink writes fields in the
order of their numbers, so a part is

    field 1 · the tag and the length of field 2, a typename · MARK · the number of bytes, and the bytes

and the prefix before MARK repeats often. One look-up then saves two messages and five reads of their fields, each of
which creates a Python object.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from statefun_actors.wire.encoding import field, varint

_T = TypeVar("_T")

MARK: Final = b"\x10\x01\x1a"
"""has_value = true, and the tag of the bytes."""

MOST: Final = 16_384
_LONGEST: Final = 512
_REST: Final = 16 * MOST


class PrefixCache(dict[bytes, tuple[_T, str, int]], Generic[_T]):
    """By prefix: the name or caller, the typename, and the number of value bytes (1 to 127).

    After ``prefix, _, end = part.partition(MARK)`` the *end* of a known part is ``size, *bytes``: the prefix includes
    the length of field 2. With any other end the part has to be parsed.

    Holds at most 16,384 prefixes, and no long ones. If few of them repeat, the cache costs more than it saves: it is
    then not used while ``resting``, a number of parts, is above zero.
    """

    def __init__(self) -> None:
        super().__init__()
        self.resting = 0
        self.used = 0
        """Number of hits since the cache was last cleared."""

    def remember(self, part: bytes, first: bytes, whose: _T, typename: str) -> None:
        """Cache the *part*, which was parsed: *first* are the bytes of field 1. Kept only in the form that Flink
        writes.
        """
        prefix, _, end = part.partition(MARK)
        size = len(end) - 1
        if not 0 < size < 0x80 or end[0] != size or len(prefix) > _LONGEST:
            return
        name = field(b"\x0a", typename.encode())
        if prefix != field(b"\x0a", first) + b"\x12" + varint(len(name) + len(MARK) + 1 + size) + name:
            return
        if len(self) >= MOST:
            self.resting = _REST if self.used < MOST else 0
            self.used = 0
            self.clear()
        self[prefix] = (whose, typename, size)
