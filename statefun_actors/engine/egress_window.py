"""``EgressWindow``: the part of the durable records of one egress that is in memory.

Records beyond it stay in the store until there is room, so a sink that is far behind costs no memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import chain
from typing import Final

from statefun_actors.engine.set_aside import SetAside
from statefun_actors.store import EgressRecord, Store

WINDOW: Final = 1_000
"""Maximum records of one egress in memory, including those that the sink has taken."""
WINDOW_BYTES: Final = 16 * 1024 * 1024
_BASE_SIZE: Final = 300
_LARGE: Final = 16 * 1024
"""The assumed bytes of a record until a larger one was seen."""


class EgressWindow:
    """The records of *egress* in *store* that are to be taken, and those that its sink has taken.

    Args:
        egress: its name.
        store: has the records.
        any: whether the store holds any of its records.
        newest: the greatest seq of a record in the store, or more.
    """

    def __init__(self, egress: str, store: Store, newest: int, *, any: bool) -> None:
        self._egress, self._store = egress, store
        self._ready: deque[EgressRecord] = deque()
        self._taken: dict[int, EgressRecord] = {}
        self.aside = SetAside(egress, store)
        """Records that have left the window and wait for something of their own, while later ones are written."""
        self._bytes = 0
        self._largest = _LARGE
        self._read = 0 if any else newest
        """The seq of the last record that was read to memory."""
        self._newest = newest
        """The seq of the last durable record: records after ``_read`` are only in the store."""

    def add(self, record: EgressRecord) -> None:
        """Add *record*, which is durable now and newer than all others."""
        if self._read == self._newest and self._room():
            self._keep(record)
        self._newest = record.seq

    def take(self, most: int) -> list[EgressRecord]:
        """Take the next records, at most *most*; none, if there is none or no room.

        Raises:
            StoreError: the store can't be read.
        """
        ready = self._ready
        if not ready:
            self._refill()
        records = [ready.popleft() for _ in range(min(most, len(ready)))]
        self._taken.update((record.seq, record) for record in records)
        return records

    def take_aside(self, lane: str, most: int) -> list[EgressRecord]:
        """Take the first records that are set aside in *lane*, at most *most*, at least one if there are any.

        Raises:
            StoreError: the store can't be read.
        """
        return self.aside.first(lane, max(1, min(most, WINDOW_BYTES // self._largest)))

    def written(self, record: EgressRecord) -> None:
        """*record*, which was taken, is written."""
        if not self.aside.written(record.seq):
            self._leaves(record)

    def set_aside(self, record: EgressRecord, lane: str) -> None:
        """Move *record*, which was taken, to *lane* of ``aside``, or give it back there."""
        if record.seq in self._taken:
            self._leaves(record)
        self.aside.add(record, lane)

    def take_again(self) -> None:
        """Nothing of what was taken is being written: put it back to the front."""
        self._ready = deque(sorted(chain(self._taken.values(), self._ready), key=lambda record: record.seq))
        self._taken.clear()
        self.aside.give_back()

    def written_through(self, batch: Sequence[EgressRecord]) -> int:
        """The greatest seq up to which all records are written once those of *batch* are, which were taken."""
        seqs = {record.seq for record in batch}
        left = [seq for seq in self._taken if seq not in seqs]
        left += self.aside.oldest_but(seqs)
        if self._ready:
            left.append(self._ready[0].seq)
        return min(left) - 1 if left else self._read

    def _leaves(self, record: EgressRecord) -> None:
        del self._taken[record.seq]
        self._bytes -= _size(record)

    def _refill(self) -> None:
        while self._read < self._newest and (room := self._room()):
            found = self._store.egress_after(self._read, room, [self._egress])
            # A record above that is durable, but add() has not been called for it yet.
            records = [record for record in found if record.seq <= self._newest]
            for record in records:
                self._keep(record)
            if len(records) < room:
                self._read = self._newest

    def _room(self) -> int:
        """The number of further records that fit into the window."""
        by_bytes = max(0, WINDOW_BYTES - self._bytes) // self._largest
        in_all = len(self._ready) + len(self._taken)
        return min(WINDOW - in_all, max(by_bytes, 0 if in_all else 1))

    def _keep(self, record: EgressRecord) -> None:
        self._ready.append(record)
        size = _size(record)
        self._bytes += size
        self._largest = max(self._largest, size)
        self._read = record.seq


def _size(record: EgressRecord) -> int:
    """Its approximate bytes in memory."""
    return _BASE_SIZE + len(record.value.value)
