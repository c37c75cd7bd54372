"""``SetAside``: the records of an egress that wait for something of their own, such as a Kafka topic.

They take no part of the window: only their numbers are in memory, in lanes such as topics, and they are read again
once their lane can be written. So however many there are, the records of other lanes go on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from itertools import groupby, islice

from statefun_actors.store import EgressRecord, Store


class SetAside:
    """Durable records of *egress* in *store*, by lane, each lane in the order of their ``seq``."""

    def __init__(self, egress: str, store: Store) -> None:
        self._egress, self._store = egress, store
        self._lanes: dict[str, deque[int]] = {}
        self._handed: dict[int, str] = {}
        """The lanes of the records that were handed to the sink, and are neither written nor given back."""
        self.reason: str | None = None
        """Why the lanes ``stuck`` can't be written at present; None: there are none."""
        self.stuck: AbstractSet[str] = frozenset()

    @property
    def lanes(self) -> Collection[str]:
        """The lanes that have records."""
        return self._lanes.keys()

    @property
    def stuck_records(self) -> int:
        """The number of records in the lanes that can't be written at present."""
        return sum(len(self._lanes.get(lane, ())) for lane in self.stuck) if self.stuck else 0

    def add(self, record: EgressRecord, lane: str) -> None:
        """Set *record* aside as the last one of *lane*, or give back one that was handed out."""
        if self._handed.pop(record.seq, None) is None:
            self._lanes.setdefault(lane, deque()).append(record.seq)

    def first(self, lane: str, most: int) -> list[EgressRecord]:
        """Hand out the first records of *lane*, at most *most*; the sink writes them, or adds them again.

        Raises:
            StoreError: the store can't be read.
        """
        seqs = list(islice(self._lanes.get(lane, ()), most))
        self._handed.update(dict.fromkeys(seqs, lane))
        found = list[EgressRecord]()
        for _, run in groupby(enumerate(seqs), lambda at: at[1] - at[0]):
            first, *more = [seq for _, seq in run]  # without gaps: those of others, perhaps very many, are not read
            found += self._store.egress_after(first - 1, 1 + len(more), [self._egress])
        return found

    def written(self, seq: int) -> bool:
        """The record *seq* is written; return whether it was set aside."""
        lane = self._handed.pop(seq, None)
        if lane is None:
            return False
        records = self._lanes[lane]
        records.remove(seq)
        if not records:
            del self._lanes[lane]
        return True

    def give_back(self) -> None:
        """The sink has ended: what it was handed and did not write stays here."""
        self._handed.clear()

    def oldest_but(self, seqs: AbstractSet[int]) -> Iterable[int]:
        """The first number of each lane that is not in *seqs*."""
        for records in self._lanes.values():
            yield from islice((seq for seq in records if seq not in seqs), 1)
