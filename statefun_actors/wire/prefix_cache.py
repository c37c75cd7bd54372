"""Parts of a 3.x request that need no parsing, since one that began alike has been parsed before.

A part is a state or an invocation: field 1 says whose it is, field 2 is a TypedValue. Flink writes fields in the order
of their numbers, so a part is

    field 1 · the tag and the length of field 2, a typename · MARK · the number of bytes, and they themselves

and all before MARK, its *beginning*, comes again and again. One look-up then replaces two messages made and five of
their fields read, each of which is a Python object.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from statefun_actors.wire.encoding import field, varint

_T = TypeVar("_T")

MARK: Final = b"\x10\x01\x1a"
"""has_value is true, and the tag of the bytes."""

_MOST: Final = 4096
_LONGEST: Final = 512
_REST: Final = 16 * _MOST


class PrefixCache(dict[bytes, tuple[_T, str, int]], Generic[_T]):
    """What parts say, by their beginnings: whose they are, a typename, and how many bytes there are (1 to 127).

    After ``beginning, _, end = part.partition(MARK)`` such a part has ``size, *bytes`` for its *end*, and nothing else:
    the beginning holds the length of field 2. Any other end, and the part has to be parsed.

    Holds at most 4,096, and no long ones. Where few of them come again, remembering costs more than it saves: they are
    then not looked for while ``resting``, a number of parts, is above zero.
    """

    def __init__(self) -> None:
        super().__init__()
        self.resting = 0
        self.used = 0
        """How many parts were read by them since they began anew."""

    def remember(self, part: bytes, first: bytes, whose: _T, typename: str) -> None:
        """*part* was parsed: the bytes *first* are field 1, which says *whose*. Kept if Flink might have written it."""
        beginning, _, end = part.partition(MARK)
        size = len(end) - 1
        if not 0 < size < 0x80 or end[0] != size or len(beginning) > _LONGEST:
            return
        name = field(b"\x0a", typename.encode())
        if beginning != field(b"\x0a", first) + b"\x12" + varint(len(name) + len(MARK) + 1 + size) + name:
            return
        if len(self) >= _MOST:
            self.resting = _REST if self.used < _MOST else 0
            self.used = 0
            self.clear()
        self[beginning] = (whose, typename, size)
