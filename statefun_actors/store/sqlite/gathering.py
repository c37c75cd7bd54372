"""Keeps hot entities together in the file, at known row ids, so that a commit writes few pages.

Entities are created far apart. A commit of a few hundred would write a page for each, and search the index of all
stored keys for each; that costs more the more are stored. So an entity that is written twice within a short time is
deleted and inserted again, once: it then lies at the end of the table, next to other hot ones, and is written by its
row id from then on.

A wrong row id is detected by the write itself, which then changes nothing: the row has another key, or the key is in
another row (writing.py). Only other programs that move rows, such as VACUUM, cause that. As after any failed commit,
all row ids are dropped then, and rows are found by their keys again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.store import EntityRow

_RECENT: Final = 16_384
SLOTS: Final = 1 << 20
_MOVED: Final = 1 << 18
_PLACES: Final = 1 << 16
"""Maximum row ids in memory, about 16 MB; hot entities beyond that are kept together, too, but found by their key."""


class Plan(Struct, frozen=True):
    """Row ids for the entities of one commit.

    Args:
        places: the row id of each entity that has a known one, or that moves.
        moves: those of them that move there.
    """

    places: Mapping[Address, int] = {}
    moves: Sequence[Address] = ()


class Gathering:
    """Plans the row ids of each commit.

    It remembers which entities were written and moved by marks in tables of fixed size, at the slot of the address's
    hash. Where two share a slot, one of them moves too early or never; that only costs a little speed.

    Args:
        end: the first free row id.
        recent: an entity that is written again within this number of writes is hot.
    """

    def __init__(self, end: int, recent: int = _RECENT) -> None:
        self._end = end
        self._recent = self._left = recent
        self._written = bytearray(SLOTS)
        self._resting = 0
        self._begin_again()

    def forget(self) -> None:
        """A commit failed: drop all row ids, and pause moves for a while, since they take disk space."""
        self._begin_again()
        self._resting = self._recent

    def _begin_again(self) -> None:
        self._moved = bytearray(SLOTS)
        self._moves = 0
        self._places: dict[Address, int] = {}

    def plan(self, rows: Sequence[EntityRow]) -> Plan:
        """Plan a commit of *rows*. Call :meth:`done` or :meth:`forget` after it."""
        places, written, moved = self._places, self._written, self._moved
        planned: dict[Address, int] = {}
        moves: list[Address] = []
        for row in rows:
            address = row.address
            if row.packed is None:
                places.pop(address, None)  # before the deletion: another row may get its id
                continue
            place = places.get(address)
            if place is not None:
                planned[address] = place
                continue
            if self._resting > 0:
                continue
            slot = hash(address) & (SLOTS - 1)
            if not written[slot]:
                written[slot] = 1
            elif not moved[slot]:
                moved[slot] = 1
                planned[address] = self._end
                self._end += 1
                moves.append(address)
        self._end += len(rows) - len(planned)  # new ones take at most the next ids
        self._resting -= len(rows)
        self._left -= len(rows)
        if self._left < 0:
            self._left, self._written = self._recent, bytearray(SLOTS)
        return Plan(planned, moves)

    def done(self, plan: Plan) -> None:
        """The commit of *plan* is durable."""
        self._moves += len(plan.moves)
        if self._moves > _MOVED:
            self._begin_again()
        for address in plan.moves:
            if len(self._places) < _PLACES:
                self._places[address] = plan.places[address]
