"""What a store holds, in numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from msgspec import Struct

from statefun_actors.admin.views.entities import TypeItem
from statefun_actors.asking import OWN_FUNCTIONS
from statefun_actors.engine import open_asks, open_schedules
from statefun_actors.store import StoreReader

MOST_COUNTED: Final = 10_000
"""Open asks and recurring messages are counted up to here, since each of them must be read for it."""


class StoreOverview(Struct, frozen=True):
    """How much a store holds as of one moment.

    Args:
        types: the function types that have entities, by name; none of the library's own.
        messages: that wait for their turn.
        timers: delayed messages; none of the library's own.
        egress: records that wait to be written, by egress.
        asks: open asks, counted to ``MOST_COUNTED``, as are *schedules*.
    """

    types: Sequence[TypeItem]
    messages: int
    timers: int
    egress: Mapping[str, int]
    dead_letters: int
    asks: int
    schedules: int


def view_store(store: StoreReader) -> StoreOverview:
    """Count what *store* holds. Reads all keys: a quarter of a second for a million entities."""
    counts = dict(store.counts(OWN_FUNCTIONS))
    messages, timers, dead_letters = (counts.pop(name) for name in ("messages", "timers", "dead_letters"))
    egress = store.egress_counts() if counts.pop("egress") else {}
    return StoreOverview(
        [TypeItem(typename, count) for typename, count in counts.items()],
        messages,
        timers,
        egress,
        dead_letters,
        _count(open_asks(store)),
        _count(open_schedules(store)),
    )


def _count(items: Iterable[object]) -> int:
    return sum(1 for _ in islice(items, MOST_COUNTED))
