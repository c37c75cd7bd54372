"""``PartitionsReader``: all partitions of a system as one store that is only read.

Numbers of messages, delayed messages, egress records, dead letters and rows of the history are unique within a
partition. Here, the number *n* of partition *p* of *N* is shown as ``n * N + p``.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Final, TypeVar

from msgspec.structs import replace

from statefun_actors.address import Address
from statefun_actors.partitions import (
    egress_link,
    is_between_partitions,
    partition_of,
    partition_of_name,
    read_link_position,
)
from statefun_actors.store import (
    FORMER_CALLERS,
    PARTITION,
    DeadLetterEntry,
    EgressRecord,
    EntityRow,
    HistoryRow,
    Kept,
    KeyedRequest,
    Message,
    PauseTarget,
    Recovered,
    Timer,
    pauses_position,
    read_pauses,
    up_to,
)
from statefun_actors.store.partitioned.copying import backup_partitions, reading
from statefun_actors.store.partitioned.layout import read_layout
from statefun_actors.store.sqlite import SqliteReader

_Numbered = TypeVar("_Numbered", Message, Timer, EgressRecord, DeadLetterEntry, HistoryRow)
_SEQ: Final = attrgetter("seq")
_SINK: Final = "sink:"
_SOURCE: Final = "source:"
"""The names of the positions of sinks and of sources begin with these."""


class PartitionsReader:
    """The stores in *folder*, read-only, with or without engines on them.

    Each partition is read as of its own last commit: a message from one to another may be in both, or in neither.

    Args:
        folder: has the partitions.
        older: accept stores of an earlier version, see :func:`statefun_actors.store.open_reader`.
        renumbered: whether all numbers are greater than any in a partition, so that none is used twice.

    Raises:
        StoreError: *folder* is not a store with partitions, or one of them can't be read or is not that of its name.
    """

    def __init__(self, folder: Path, *, older: bool = False, renumbered: bool = False) -> None:
        self._folder = folder
        with ExitStack() as opened:
            self._readers = opened.enter_context(reading(folder, older=older))
            self._opened = opened.pop_all()
        self._placed = read_layout(folder).placed
        self._shift = max(reader.recover().next_seq for reader in self._readers) if renumbered else 0

    @property
    def is_older(self) -> bool:
        return any(reader.is_older for reader in self._readers)

    @contextmanager
    def snapshot(self) -> Generator[None]:
        with ExitStack() as snapshots:
            for reader in self._readers:
                snapshots.enter_context(reader.snapshot())
            yield

    def check(self) -> list[str]:
        return [f"partition {n}: {fault}" for n, reader in enumerate(self._readers) for fault in reader.check()]

    def backup(self, target: Path, *, overwrite: bool = False) -> None:
        backup_partitions(self._folder, target, overwrite=overwrite)

    def close(self) -> None:
        self._opened.close()

    # --- by address

    def messages_to(self, target: Address, after: int, limit: int, most_bytes: int | None = None) -> list[Message]:
        number = self._partition(target)
        found = self._readers[number].messages_to(target, self._before(after, number), limit, most_bytes)
        return [self._shown(number, message) for message in found]

    def load(self, addresses: Sequence[Address]) -> list[bytes | None]:
        return [self._readers[self._partition(address)].load([address])[0] for address in addresses]

    def pending_timer(self, owner: Address, token: str) -> Timer | None:
        number = self._partition(owner)
        found = self._readers[number].pending_timer(owner, token)
        return None if found is None else self._shown(number, found)

    def request(self, target: Address, key: str) -> KeyedRequest | None:
        return self._readers[self._partition(target)].request(target, key)

    def dead_letter(self, seq: int) -> DeadLetterEntry | None:
        if seq < 0:
            return None
        seq, number = divmod(seq, len(self._readers))
        found = self._readers[number].dead_letter(seq - self._shift)
        return None if found is None else self._shown(number, found)

    # --- of all, in order

    def messages(self) -> Iterator[Message]:
        return self._merged(lambda reader, _: reader.messages(), _SEQ)

    def dead_letters(self, after: int = -1) -> Iterator[DeadLetterEntry]:
        return self._merged(lambda reader, number: reader.dead_letters(self._before(after, number)), _SEQ)

    def history(self, key: str, before: int, limit: int) -> list[HistoryRow]:
        found = [
            [
                replace(self._shown(number, row), partition=number, partitions=len(self._readers))
                for row in reader.history(key, self._before(before - 1, number) + 1, limit)
            ]
            for number, reader in enumerate(self._readers)
        ]
        return list(islice(heapq.merge(*found, key=_SEQ, reverse=True), limit))

    def history_sizes(self) -> list[tuple[int, int]]:
        count = len(self._readers)
        return sorted(
            (seq * count + number, size)
            for number, reader in enumerate(self._readers)
            for seq, size in reader.history_sizes()
        )

    def timers_after(self, due_ms: int, seq: int, limit: int, most_bytes: int | None = None) -> list[Timer]:
        def found(reader: SqliteReader, number: int) -> Iterator[Timer]:
            return iter(reader.timers_after(due_ms, self._before(seq, number), limit, most_bytes))

        return up_to(islice(self._merged(found, attrgetter("due_ms", "seq")), limit), most_bytes)

    def egress_after(self, seq: int, limit: int, names: Iterable[str] | None = None) -> list[EgressRecord]:
        names = None if names is None else list(names)

        def found(reader: SqliteReader, number: int) -> Iterator[EgressRecord]:
            return iter(reader.egress_after(self._before(seq, number), limit, names))

        return list(islice(self._merged(found, _SEQ), limit))

    def requests(self, *, pending: bool = False) -> Iterator[KeyedRequest]:
        found = [reader.requests(pending=pending) for reader in self._readers]
        return heapq.merge(*found, key=lambda request: (request.target, request.key))

    def requests_before(self, time_ms: int, limit: int) -> list[KeyedRequest]:
        found = [reader.requests_before(time_ms, limit) for reader in self._readers]
        return list(islice(heapq.merge(*found, key=attrgetter("time_ms")), limit))

    def entities(self, typename: str, prefix: str = "", after: str | None = None) -> Iterator[EntityRow]:
        found = [reader.entities(typename, prefix, after) for reader in self._readers]
        return heapq.merge(*found, key=lambda row: row.address.id)

    def drop_expired(self, now_ms: int, limit: int) -> list[Address]:
        return [address for reader in self._readers for address in reader.drop_expired(now_ms, limit)][:limit]

    # --- together

    def recover(self) -> Recovered:
        """The positions are those that all partitions share, those of sinks, and what is paused in any."""
        found = [reader.recover() for reader in self._readers]
        pauses: dict[PauseTarget, int] = {}
        for each in reversed(found):
            pauses |= read_pauses(each)
        shared = set(found[0].positions).intersection(*(each.positions for each in found))
        positions = {
            name: found[0].positions[name]
            for name in sorted(shared)
            if name not in {PARTITION, FORMER_CALLERS} and not name.startswith((_SINK, _SOURCE))
        }
        for number, each in enumerate(found):
            positions |= {name: at for name, at in each.positions.items() if self._is_sink_of(number, name)}
        if pauses:
            positions |= pauses_position(pauses)
        return Recovered((max(each.next_seq for each in found) + self._shift) * len(found), positions)

    def inputs(self) -> list[str]:
        """The names of inputs that have a position, which is that of each partition for itself."""
        names = {name for reader in self._readers for name in reader.recover().positions if name.startswith(_SOURCE)}
        plain = {name.removeprefix(_SOURCE) for name in names}
        return sorted(name for name in plain if not is_between_partitions(name))

    def crossing(self) -> Mapping[str, int]:
        """By egress, the number of messages and records that another partition must get before they can be exported.

        Records that wait at their senders for a run with a target of their egress can be exported, unless the partition
        that writes it has got some of them already, or has earlier ones.
        """
        counts = [reader.egress_counts() for reader in self._readers]
        positions = [reader.recover().positions for reader in self._readers]
        crossing = Counter[str]()
        for number, kept in enumerate(counts):
            for egress, count in kept.items():
                writer = partition_of_name(egress, len(self._readers))
                got = positions[writer].get(f"{_SOURCE}{egress_link(number, egress)}")
                if not is_between_partitions(egress):
                    if got is None:
                        continue
                    (first,) = self._readers[number].egress_after(0, 1, [egress])
                    if first.seq > read_link_position(got).seq and egress not in counts[writer]:
                        continue
                crossing[egress] += count
        return crossing

    def _is_sink_of(self, number: int, name: str) -> bool:
        """Whether *name* is the position of a sink that partition *number* has for all."""
        egress = name.removeprefix(_SINK)
        if egress == name or is_between_partitions(egress):
            return False
        return partition_of_name(egress, len(self._readers)) == number

    def types(self) -> list[str]:
        return sorted({typename for reader in self._readers for typename in reader.types()})

    def egress_counts(self) -> Mapping[str, int]:
        counts = Counter[str]()
        for reader in self._readers:
            counts.update(reader.egress_counts())
        return counts

    def counts(self, without: Collection[str] = ()) -> Mapping[str, int]:
        counts = Counter[str]()
        for reader in self._readers:
            counts.update(reader.counts(without))
        return counts

    def stored_twice(self, typename: str, former: str) -> tuple[int, str] | None:
        found = [twice for reader in self._readers if (twice := reader.stored_twice(typename, former)) is not None]
        return (sum(count for count, _ in found), min(id for _, id in found)) if found else None

    def kept_for(self, typename: str) -> Kept:
        found = [reader.kept_for(typename) for reader in self._readers]
        return Kept(
            sum(kept.entities for kept in found),
            sum(kept.messages for kept in found),
            sum(kept.timers for kept in found),
            sum(kept.dead_letters for kept in found),
        )

    # --- numbers

    def _partition(self, address: Address) -> int:
        return partition_of(address, len(self._readers), self._placed)

    def _before(self, shown: int, number: int) -> int:
        """The greatest number of partition *number* that is shown as *shown* or less."""
        return (shown - number) // len(self._readers) - self._shift

    def _shown(self, number: int, row: _Numbered) -> _Numbered:
        return replace(row, seq=(row.seq + self._shift) * len(self._readers) + number)

    def _merged(
        self, read: Callable[[SqliteReader, int], Iterator[_Numbered]], key: Callable[[_Numbered], object]
    ) -> Iterator[_Numbered]:
        def shown(number: int, rows: Iterator[_Numbered]) -> Iterator[_Numbered]:
            return (self._shown(number, row) for row in rows)

        found = [shown(number, read(reader, number)) for number, reader in enumerate(self._readers)]
        return heapq.merge(*found, key=key)  # type: ignore[arg-type] # numbers, or tuples of numbers
