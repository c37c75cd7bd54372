"""One egress as its sink sees it: durable records to take in order, and a place to say which of them are through.

A window of them is in memory. What comes while it is full stays in the store, and is read from there once there is
room; so it costs no memory how far a sink is behind.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Final

import attrs

from statefun_actors.dispatch import EgressDelivered, EgressFailed, Instruments
from statefun_actors.engine.epoch import Epoch, Lost
from statefun_actors.model import TypedValue
from statefun_actors.store import EgressRecord, Store
from statefun_actors.text import loggable

logger: Final = logging.getLogger("statefun_actors.engine")

WINDOW: Final = 1_000
"""Records of one egress in memory at the most, those handed over included."""
WINDOW_BYTES: Final = 16 * 1024 * 1024
_BASE_SIZE: Final = 300
_LARGE: Final = 16 * 1024
"""Bytes that a record is taken to have as long as no larger one was seen."""


@attrs.frozen
class EpochWriter:
    """Where an outlet notes what has happened: in the open *epoch*; *seq* gives a new number."""

    epoch: Callable[[], Epoch]
    seq: Callable[[], int]
    wake: Callable[[], None]
    """The engine has something to commit, or to look at."""
    instruments: Instruments


class EgressQueue:
    """The records of *egress* that are durable and not through, in the order of their ``seq``.

    Args:
        egress: its name.
        store: where the records are.
        book: where to note what is through.
        kept: how many of its records the store holds.
        newest: no record of the store has a greater seq.
    """

    def __init__(self, egress: str, store: Store, book: EpochWriter, kept: int, newest: int) -> None:
        self.egress = egress
        self.kept = kept
        """Durable records that are not through."""
        self.through = 0
        """Records that got through since this outlet was made."""
        self.error: str | None = None
        """Why nothing gets through at present."""
        self._logged = False
        """Whether it was said that something does not get through."""
        self._store, self._book = store, book
        self._delivered = book.instruments.egress_delivered
        self._ready: deque[EgressRecord] = deque()
        self._taken: dict[int, EgressRecord] = {}
        self._bytes = 0
        self._largest = _LARGE
        self._read = 0 if kept else newest
        """The seq up to which records have been in memory."""
        self._newest = newest
        """The seq up to which records are durable: those beyond ``_read`` are in the store only."""
        self._news = asyncio.Event()

    # --- for the sink

    @property
    def newest(self) -> int:
        """No durable record has a greater seq."""
        return self._newest

    async def take(self, most: int = WINDOW) -> list[EgressRecord]:
        """The next records, at least one and at most *most*. Waits while there are none, or the window is full.

        Raises:
            StoreError: the store can't be read.
        """
        while not self._ready:
            self._refill()
            if not self._ready:
                self._news.clear()
                await self._news.wait()
        ready = self._ready
        records = [ready.popleft() for _ in range(min(most, len(ready)))]
        self._taken.update((record.seq, record) for record in records)
        return records

    def done(self, records: Sequence[EgressRecord], position: str | None = None) -> None:
        """*records*, taken before, are through, and the sink stands at *position* now: part of the open epoch."""
        self._mark(records, position)
        if self._delivered.heard:
            self._delivered(EgressDelivered(self.egress, len(records)))

    def _mark(self, records: Sequence[EgressRecord], position: str | None = None) -> None:
        epoch = self._book.epoch()
        for record in records:
            del self._taken[record.seq]
            self._bytes -= _size(record)
            epoch.egress_done.append(record.seq)
        if position is not None:
            epoch.positions[position_key(self.egress)] = position
        self.kept -= len(records)
        self.through += len(records)
        self.error = None
        self._log_working()
        self._news.set()
        self._book.wake()

    async def begin(self, position: str) -> None:
        """The sink stands at *position*: return once that is durable.

        Raises:
            EpochLostError: the store failed. A retry can help.
        """
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def on_end(lost: Lost | None) -> None:
            if durable.done():
                return
            if lost is None:
                durable.set_result(None)
            else:
                durable.set_exception(lost)

        epoch = self._book.epoch()
        epoch.positions[position_key(self.egress)] = position
        epoch.on_end.append(on_end)
        self._book.wake()
        await durable

    def working(self) -> None:
        """The sink, which has nothing to write, would be able to."""
        self.error = None
        self._log_working()

    def done_as(self, record: EgressRecord, egress: str, value: TypedValue) -> None:
        """*record* will never get through: *value* goes to *egress* in its place, in one and the same epoch."""
        self._mark([record])
        reason = f"a record was refused, and is kept at {egress}"
        self._book.instruments.egress_failed(EgressFailed(self.egress, reason))
        self._book.epoch().egress.append(EgressRecord(self._book.seq(), egress, value))

    def failing(self, reason: str, error: BaseException | None = None) -> None:
        """The sink can't write at present: ``Engine.idle`` does not wait for it. Logs *error* with its traceback."""
        if not self._logged:
            self._logged = True
            shown = None if error is None else loggable(error)
            logger.warning("egress %s can't be written, its records are kept: %s", self.egress, reason, exc_info=shown)
        self.error = reason
        self._book.instruments.egress_failed(EgressFailed(self.egress, reason))
        self._book.wake()

    def _log_working(self) -> None:
        if self._logged and not self.kept:
            self._logged = False
            logger.warning("egress %s is written again, and nothing is left", self.egress)

    # --- for the engine

    def add(self, record: EgressRecord) -> None:
        """This one, newer than all before, is durable now."""
        self.kept += 1
        if self._read == self._newest and self._room():
            self._keep(record)
        self._newest = record.seq

    def wake(self) -> None:
        """Wake the sink: records have been added."""
        self._news.set()

    def hand_again(self) -> None:
        """The sink has ended: the records that it took and did not write are the next ones again."""
        self._ready = deque(sorted(chain(self._taken.values(), self._ready), key=lambda record: record.seq))
        self._taken.clear()

    def _refill(self) -> None:
        while self._read < self._newest and (room := self._room()):
            found = self._store.egress_after(self._read, room, [self.egress])
            # A record above that is durable, but add() for it is still to be called: leave it until then.
            records = [record for record in found if record.seq <= self._newest]
            for record in records:
                self._keep(record)
            if len(records) < room:
                self._read = self._newest

    def _room(self) -> int:
        """How many more records the window takes."""
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
    """Bytes that it takes up in memory, about."""
    return _BASE_SIZE + len(record.value.value)


def position_key(egress: str) -> str:
    """Under which name the store keeps the position of the sink of *egress*."""
    return f"sink:{egress}"
