"""Reads the history of a store."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from heapq import merge
from typing import Final, NamedTuple

from statefun_actors.address import Address
from statefun_actors.history.entries import KEEP, Entry, Kind, entries_of, gap_key, key_of
from statefun_actors.store import StoreReader

_ROWS: Final = 4
"""Rows that are read at a time: a full one has the entries of hundreds of messages."""
_GAPS: Final = 100


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


def read_with_gaps(
    store: StoreReader, addresses: Collection[Address], before: Place = NEWEST
) -> Iterator[tuple[Place | None, Entry]]:
    """The entries as of :func:`read_entries`, with the gaps between them; a gap has no place.

    With *before*, only the gaps older than the first entry that is returned.

    Raises:
        StoreError: the store can't be read, or a row of its history is damaged.
    """
    gaps = deque(read_gaps(store))
    are_newer = before != NEWEST
    for place, entry in read_entries(store, addresses, before):
        while gaps and gaps[0].at_ms > entry.at_ms:
            gap = gaps.popleft()
            if not are_newer:
                yield None, gap
        are_newer = False
        yield place, entry
    if not are_newer:
        yield from ((None, gap) for gap in gaps)


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


def read_gaps(store: StoreReader) -> list[Entry]:
    """The last gaps: times in which messages were not recorded, newest first."""
    return [entry for row in store.history(gap_key(), NEWEST.row, _GAPS) for entry in entries_of(row)]


def read_keep(store: StoreReader) -> int:
    """The number of messages that the last run on *store* kept of each entity; 0: it recorded none, or never ran."""
    written = store.recover().positions.get(KEEP, "0")
    return int(written) if written.isascii() and written.isdecimal() and len(written) < 10 else 0
