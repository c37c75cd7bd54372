"""Reads the history of a store."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from heapq import merge
from typing import Final, NamedTuple

from statefun_actors.address import Address
from statefun_actors.history.entries import KEEP, Entry, Kind, entries_of, key_of
from statefun_actors.store import StoreReader

_ROWS: Final = 4
"""Rows that are read at a time: a full one has the entries of hundreds of messages."""
_COMMON: Final = 100
"""Rows with gaps and changes to function types that are read."""


class Place(NamedTuple):
    """The place of an entry: the seq of its row, and the index ``at`` there. A place does not change."""

    row: int
    at: int


NEWEST: Final = Place((1 << 63) - 1, 0)
"""Behind all entries."""


def read_entries(
    store: StoreReader, addresses: Collection[Address], before: Place = NEWEST
) -> Iterator[tuple[Place, Entry]]:
    """The entries of one entity, newest first, up to its last end by expiry.

    Args:
        store: the store.
        addresses: the entity's, and those that it had under former names of its type.
        before: only those older than this place.

    Raises:
        StoreError: the store can't be read, or a row of its history is damaged.
    """
    names = {tuple(address) for address in addresses}
    for row, index, entry in _newest_first(store, {key_of(*name) for name in names}, before):
        if (entry.type, entry.id) in names:
            if entry.kind == Kind.ENDED:
                return
            yield Place(row, index), entry


def read_history(
    store: StoreReader, addresses: Collection[Address], before: Place = NEWEST
) -> Iterator[tuple[Place | None, Entry]]:
    """The entries as of :func:`read_entries`; between them gaps and changes to the type, which have no place.

    With *before*, only those of them that are older than the first entry that is returned.

    Raises:
        StoreError: the store can't be read, or a row of its history is damaged.
    """
    types = {address.typename for address in addresses}
    common = deque(entry for entry in _common(store) if entry.kind == Kind.GAP or entry.type in types)
    are_newer = before != NEWEST
    for place, entry in read_entries(store, addresses, before):
        while common and common[0].at_ms > entry.at_ms:
            found = common.popleft()
            if not are_newer:
                yield None, found
        are_newer = False
        yield place, entry
    if not are_newer:
        yield from ((None, found) for found in common)


def _newest_first(store: StoreReader, keys: Collection[str], before: Place) -> Iterator[tuple[int, int, Entry]]:
    if len(keys) > 1:
        # One row at a time of each key: an entity can have very many. A row with several keys is found by each of them.
        last = (-1, -1)
        each = [_newest_first(store, [key], before) for key in keys]
        for found in merge(*each, key=lambda found: found[:2], reverse=True):
            if found[:2] != last:
                last = found[:2]
                yield found
        return
    for key in keys:
        # The row of *before* itself has older entries, too.
        least = before.row + 1 if before != NEWEST else before.row
        while rows := store.history(key, least, _ROWS):
            for row in rows:
                entries = entries_of(row)
                end = min(before.at, len(entries)) if row.seq == before.row else len(entries)
                for index in range(end - 1, -1, -1):
                    yield row.seq, index, entries[index]
            least = rows[-1].seq


def find_sent(store: StoreReader, function: Address) -> Iterator[tuple[Place, Entry]]:
    """The entries of any entities that sent something to *function*, one of the library's, newest first.

    Raises:
        StoreError: the store can't be read, or a row of its history is damaged.
    """
    for row, index, entry in _newest_first(store, [key_of(*function)], NEWEST):
        if any((out.to, out.id) == function for out in entry.out):
            yield Place(row, index), entry


def _common(store: StoreReader) -> list[Entry]:
    """The last gaps and changes to function types, newest first."""
    rows = store.history(key_of("", ""), NEWEST.row, _COMMON)
    found = [
        entry
        for row in rows
        for entry in reversed(entries_of(row))
        # A function type is paused in each partition.
        if not entry.id and (entry.kind == Kind.GAP or not row.partition)
    ]
    return sorted(found, key=lambda entry: entry.at_ms, reverse=True)


def read_keep(store: StoreReader) -> int:
    """The number of messages that the last run on *store* kept of each entity; 0: it recorded none, or never ran."""
    written = store.recover().positions.get(KEEP, "0")
    return int(written) if written.isascii() and written.isdecimal() and len(written) < 10 else 0
