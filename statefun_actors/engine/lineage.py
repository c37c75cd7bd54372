"""``Lineage``: the starts of a store's engine, which tell its records from those of a copy of the store.

Records have numbers. A copy of a store, such as a restored backup, gives the same numbers to other records. So a
receiver that notes up to which number it has the records of a store also notes at which start they were sent, and a
store compares that with its own starts: two stores have the same records up to the first start that only one of them
knows.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import msgspec

LINEAGE: Final = "lineage"
"""The name of the position of a store that holds its lineage."""
_KEPT: Final = 200
"""Starts that a store keeps."""
_NOTED: Final = 20
"""Starts that a receiver notes: the metadata of a Kafka offset may have 4096 bytes."""
_NOTED_BRIEFLY: Final = 2
"""Starts that a receiver notes which writes them with each of its commits."""


class Start(msgspec.Struct, frozen=True, array_like=True):
    """A start of an engine.

    Args:
        id: random; empty for all starts before stores had a lineage.
        after: the greatest number in the store at that time. What the engine adds has greater ones.
    """

    id: str
    after: int


_STARTS: Final = msgspec.json.Decoder(tuple[Start, ...])


class Lineage:
    """The last starts of the engine on a store, oldest first. Immutable.

    Args:
        starts: the last one is the present one.
    """

    def __init__(self, starts: Sequence[Start]) -> None:
        self._starts = starts
        self._following = {start.id: later.after for start, later in pairwise(starts)}
        """By the id of a start, the greatest number at the next one."""

    @classmethod
    def read(cls, text: str | None) -> Lineage:
        """The lineage in *text*; None, the empty text: that of a store, or a receiver, that has noted none yet."""
        if not text:
            return cls([Start("", 0)])
        try:
            return cls(_STARTS.decode(text))
        except msgspec.MsgspecError:  # another program has written it
            return cls([])

    @property
    def text(self) -> str:
        """The form that a store keeps."""
        return msgspec.json.encode(self._starts).decode()

    @property
    def noted(self) -> str:
        """The form that a receiver notes: the last starts."""
        return msgspec.json.encode(self._starts[-_NOTED:]).decode()

    @property
    def briefly_noted(self) -> str:
        """The form that another partition notes: the present start, and the one before."""
        return msgspec.json.encode(self._starts[-_NOTED_BRIEFLY:]).decode()

    def begun(self, after: int) -> Lineage:
        """With one more start, at which *after* is the greatest number in the store.

        It replaces the last one if the store got nothing since: so starts that fail at once push no others out. A
        receiver that notes the replaced start notes the one before, too, after which the same records follow. The last
        start is not used again, since a copy of the store may use it.
        """
        before = self._starts
        if before and before[-1].id and before[-1].after == after:
            before = before[:-1]
        return Lineage([*before, Start(secrets.token_hex(4), after)][-_KEPT:])

    def _knows(self, id: str) -> bool:
        """Whether *id* is one of its starts."""
        return any(start.id == id for start in self._starts)

    def _shared(self, seq: int, start: str) -> int:
        """The greatest number up to *seq* of a record of this store, where *start* is a known start of the sender."""
        return min(seq, self._following.get(start, seq))

    def shared_with(self, seq: int, other: Lineage) -> int | None:
        """The greatest number up to *seq* that means the same record here and in a store whose lineage is *other*.

        None: there is no common start, so that nothing is known.
        """
        for start in reversed(other._starts):
            if self._knows(start.id):
                return other._shared(self._shared(seq, start.id), start.id)
        return None
