"""Entities that are hot together are laid together, at places that are known: a commit costs what the hot ones cost.

Entities are born far apart. A commit of a few hundred of them would write a page of the file for each, however few are
hot, and look each up in an index of all that are stored; the more there are, the worse. So one that is written twice
within a short time is deleted and inserted again, once: then it lies at the end of the table, where the other hot ones
lie, and is written by its row id from then on.

A place that is wrong is found out by the write itself, which then changes nothing: the row there has another key, or
the key is in another row (writing.py). That takes another program that moves rows, as VACUUM does. All places are
forgotten then, as after any failed commit, and keys find the rows again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.store import EntityRow

_RECENT: Final = 16_384
_SLOTS: Final = 1 << 20
_MOVED: Final = 1 << 18
_PLACES: Final = 1 << 16
"""So many places are remembered, in about 16 MB; hot ones beyond that lie together too, and are found by their key."""


class Plan(Struct, frozen=True):
    """Where the entities of one commit are to lie.

    Args:
        places: the row id of each whose place is known, or that moves.
        moves: those of them that move there.
    """

    places: Mapping[Address, int] = {}
    moves: Sequence[Address] = ()


class Gathering:
    """Makes the plan of each commit.

    What it remembers of who was written, and moved, are marks in tables of fixed size, at a slot given by the hash of
    the address. Where two share a slot, one of them moves too soon or not at all: that costs a little speed, and
    nothing else.

    Args:
        end: the first row id that is free, and all after it.
        recent: so many writes long, an entity that is written again has become hot.
    """

    def __init__(self, end: int, recent: int = _RECENT) -> None:
        self._end = end
        self._recent = self._left = recent
        self._written = bytearray(_SLOTS)
        self._resting = 0
        self._begin_again()

    def forget(self) -> None:
        """A commit failed: nobody's place is known any more, and for a while nobody moves, since that takes room."""
        self._begin_again()
        self._resting = self._recent

    def _begin_again(self) -> None:
        self._moved = bytearray(_SLOTS)
        self._moves = 0
        self._places: dict[Address, int] = {}

    def plan(self, rows: Sequence[EntityRow]) -> Plan:
        """The plan for a commit of *rows*. Tell :meth:`done` or :meth:`forget` what became of it."""
        places, written, moved = self._places, self._written, self._moved
        planned: dict[Address, int] = {}
        moves: list[Address] = []
        for row in rows:
            address = row.address
            if row.packed is None:
                places.pop(address, None)  # before it is gone: another row may get its id
                continue
            place = places.get(address)
            if place is not None:
                planned[address] = place
                continue
            if self._resting > 0:
                continue
            slot = hash(address) & (_SLOTS - 1)
            if not written[slot]:
                written[slot] = 1
            elif not moved[slot]:
                moved[slot] = 1
                planned[address] = self._end
                self._end += 1
                moves.append(address)
        self._end += len(rows) - len(planned)  # those that are new take the next ids, at the most
        self._resting -= len(rows)
        self._left -= len(rows)
        if self._left < 0:
            self._left, self._written = self._recent, bytearray(_SLOTS)
        return Plan(planned, moves)

    def done(self, plan: Plan) -> None:
        """The commit of *plan* is durable."""
        self._moves += len(plan.moves)
        if self._moves > _MOVED:
            self._begin_again()
        for address in plan.moves:
            if len(self._places) < _PLACES:
                self._places[address] = plan.places[address]
