"""The items of a history, as views show them: those of one entity, newest first, as many as are kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TypeVar

from statefun_actors.address import Address
from statefun_actors.history.entries import Entry
from statefun_actors.history.reading import NEWEST, Place, read_history, read_keep
from statefun_actors.store import StoreReader

_T = TypeVar("_T")


def history_items(
    store: StoreReader,
    addresses: Collection[Address],
    items_of: Callable[[Place, Entry], Sequence[_T]],
    common_item_of: Callable[[Entry], _T],
    *,
    before: tuple[Place, int] = (NEWEST, 0),
    left: int | None = None,
) -> Iterator[_T]:
    """The last items of one entity, newest first; between them, those that have no place, which are not counted.

    Args:
        store: the store.
        addresses: the entity's, and those that it had under former names of its type.
        items_of: returns the items of an entry, oldest first: one for each message, or one for a change.
        common_item_of: returns the item of a gap, or of a change to the type.
        before: the place of an entry, and the index of an item of it: only older items are returned.
        left: the largest number of items, if that is smaller than the number that is kept.

    Raises:
        StoreError: the store can't be read, or a row of its history is damaged.
    """
    keep = read_keep(store)
    left = keep if left is None else min(left, keep)
    if left <= 0:
        return
    last, index = before
    for place, entry in read_history(store, addresses, last if last == NEWEST else Place(last.row, last.at + 1)):
        if place is None:
            yield common_item_of(entry)
            continue
        items = items_of(place, entry)
        for item in reversed(items[:index] if place == last else items):
            yield item
            left -= 1
            if left == 0:
                return
