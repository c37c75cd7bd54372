"""Entities that are hot together are laid together, so that what a commit costs follows the hot, not the stored.

Entities are born far apart. A commit of a few hundred of them would write a page of the file for each, however few are
hot; the more are stored, the worse. So one that is written twice within a short time is deleted and inserted again,
once: then it lies at the end of the table, where the other hot ones lie.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from statefun_actors.embedded.store import EntityRow
from statefun_actors.model import Address

END_ROWS: Final = 4_096
"""Who is among the last rows of the table lies well already."""

_RECENT: Final = 16_384
_SLOTS: Final = 1 << 20
_MOVED: Final = 1 << 18


class Gathering:
    """Says who has to move.

    What it remembers are marks in tables of fixed size, at a place given by the hash of the address. Where two share a
    place, one of them moves too soon or not at all: that costs a little speed, and nothing else.
    """

    def __init__(self, recent: int = _RECENT) -> None:
        self._recent = self._left = recent
        self._written = bytearray(_SLOTS)
        self._moved = bytearray(_SLOTS)
        self._moves = 0

    def strays(self, rows: Iterable[EntityRow]) -> list[Address]:
        """Those of *rows* that have become hot, and were not told before."""
        found: list[Address] = []
        written, moved = self._written, self._moved
        count = 0
        for row in rows:
            count += 1
            place = hash(row.address) & (_SLOTS - 1)
            if moved[place] or row.packed is None:
                continue
            if written[place]:
                moved[place] = 1
                found.append(row.address)
            else:
                written[place] = 1
        self._left -= count
        if self._left < 0:
            self._left, self._written = self._recent, bytearray(_SLOTS)
        self._moves += len(found)
        if self._moves > _MOVED:
            self._moves, self._moved = 0, bytearray(_SLOTS)
        return found
