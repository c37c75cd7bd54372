"""``EgressQueue``: the durable records of one egress, which its sink takes in order and then marks as written.

A window of them is in memory. Records beyond it stay in the store until there is room, so a sink that is far behind
costs no memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Final

import attrs

from statefun_actors.dispatch import EgressDelivered, EgressFailed, Instruments
from statefun_actors.engine.clock import seconds_text
from statefun_actors.engine.epoch import Epoch, Lost
from statefun_actors.engine.lineage import Lineage
from statefun_actors.model import TypedValue
from statefun_actors.own_logger import own_logger
from statefun_actors.store import EgressRecord, Store
from statefun_actors.text import loggable

logger: Final = own_logger("statefun_actors.engine")

WINDOW: Final = 1_000
"""Maximum records of one egress in memory, including those that the sink has taken."""
WINDOW_BYTES: Final = 16 * 1024 * 1024
_BASE_SIZE: Final = 300
_LARGE: Final = 16 * 1024
"""The assumed bytes of a record until a larger one was seen."""


@attrs.frozen
class EpochWriter:
    """Writes the results of sinks to the open *epoch*; *seq* returns a new sequence number."""

    epoch: Callable[[], Epoch]
    seq: Callable[[], int]
    wake: Callable[[], None]
    """Wake the engine, which has something to commit or to check."""
    instruments: Instruments
    now_ms: Callable[[], int]


@attrs.frozen
class FailingEgress:
    """An egress that can't be written at present.

    Args:
        reason: why the last attempt failed.
        since_ms: the time of the first failure since it was written, or since the engine started, in milliseconds since
            1970.
    """

    reason: str
    since_ms: int

    def describe(self, name: str) -> str:
        """It in one sentence; *name*: of the egress."""
        return f"egress {name} can't be written since {seconds_text(self.since_ms)}: {self.reason}"


class EgressQueue:
    """The durable records of *egress* that its sink has not written, in the order of their ``seq``.

    Args:
        egress: its name.
        store: has the records.
        writer: gets the records that were written.
        kept: how many of its records the store holds.
        newest: the greatest seq of a record in the store, or more.
        lineage: of the store.
    """

    def __init__(
        self, egress: str, store: Store, writer: EpochWriter, kept: int, newest: int, lineage: Lineage
    ) -> None:
        self.egress, self.lineage = egress, lineage
        self.kept = kept
        """The number of durable records that were not written."""
        self.through = 0
        """The number of records written since this queue was created."""
        self.error: str | None = None
        """The reason why the sink can't write at present; None while it can."""
        self.given_up = False
        """Whether the sink can't write at present, and nobody should wait for it."""
        self._since_ms: int | None = None
        """The time of the first failure since the sink could write."""
        self._logged = False
        """Whether a warning about a failing sink was logged."""
        self._store, self._writer = store, writer
        self._delivered = writer.instruments.egress_delivered
        self._ready: deque[EgressRecord] = deque()
        self._taken: dict[int, EgressRecord] = {}
        self._bytes = 0
        self._largest = _LARGE
        self._read = 0 if kept else newest
        """The seq of the last record that was read to memory."""
        self._newest = newest
        """The seq of the last durable record: records after ``_read`` are only in the store."""
        self._news = asyncio.Event()
        self._watchers: deque[tuple[int, Callable[[], None]]] = deque()
        """Calls that :meth:`when_written` has promised, by the value of :attr:`through` at which they are due."""

    # --- called by the sink

    async def take(self, most: int = WINDOW) -> list[EgressRecord]:
        """Take the next records, at least one and at most *most*. Waits while there are none, or the window is full.

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
        """Note in the open epoch that *records* are written, and that the position of the sink is *position*."""
        self.handed_on(records, position)
        if self._delivered.heard:
            self._delivered(EgressDelivered(self.egress, len(records)))

    def handed_on(self, records: Sequence[EgressRecord], position: str | None = None) -> None:
        """As :meth:`done`, for records that another partition writes, which counts them as delivered."""
        epoch = self._writer.epoch()
        for record in records:
            del self._taken[record.seq]
            self._bytes -= _size(record)
            epoch.egress_done.append(record.seq)
        if position is not None:
            epoch.positions[position_key(self.egress)] = position
        self.kept -= len(records)
        self.through += len(records)
        self._can_write()
        self._log_working()
        self._news.set()
        self._writer.wake()
        while self._watchers and self._watchers[0][0] <= self.through:
            self._watchers.popleft()[1]()

    async def begin(self, position: str) -> None:
        """Set the position of the sink, and wait until it is durable.

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

        epoch = self._writer.epoch()
        epoch.positions[position_key(self.egress)] = position
        epoch.on_end.append(on_end)
        self._writer.wake()
        await durable

    def working(self) -> None:
        """The sink has nothing to write, and could write."""
        self._can_write()
        self._log_working()

    def trying(self) -> None:
        """The sink is ready to write again, so waits for its records go on.

        An error stays until a record is written, since the cause may be in the next record.
        """
        if self.error is not None:
            self.given_up = False
            if not self.kept:
                self.working()
            self._writer.wake()

    def done_as(self, record: EgressRecord, egress: str, value: TypedValue) -> None:
        """*record* can never be written: send *value* to *egress* in its place, in the same epoch."""
        self.handed_on([record])
        reason = f"a record was refused, and is kept at {egress}"
        self._writer.instruments.egress_failed(EgressFailed(self.egress, reason))
        self._writer.epoch().egress.append(EgressRecord(self._writer.seq(), egress, value, record.headers))

    def failing(self, reason: str, error: BaseException | None = None, *, given_up: bool = True) -> None:
        """The sink can't write at present. Logs *error* with its traceback.

        ``Engine.idle`` does not wait for it, unless *given_up* is False: then the sink can write soon.
        """
        if not self._logged:
            self._logged = True
            shown = None if error is None else loggable(error)
            logger.warning("egress %s can't be written, its records are kept: %s", self.egress, reason, exc_info=shown)
        self._fails(reason, given_up=given_up)
        self._writer.instruments.egress_failed(EgressFailed(self.egress, reason))
        self._writer.wake()

    def unavailable(self, reason: str) -> None:
        """As :meth:`failing`, for a receiver that is expected to come back soon: nothing is logged."""
        self._fails(reason)
        self._writer.wake()

    def _can_write(self) -> None:
        self.error = self._since_ms = None
        self.given_up = False

    def _fails(self, reason: str, *, given_up: bool = True) -> None:
        self.error, self.given_up = reason, given_up
        if self._since_ms is None:
            self._since_ms = self._writer.now_ms()

    def _log_working(self) -> None:
        if self._logged and not self.kept:
            self._logged = False
            logger.warning("egress %s is written again, and nothing is left", self.egress)

    # --- called by the engine

    @property
    def failure(self) -> FailingEgress | None:
        """Why the sink can't write at present, and since when; None while it can."""
        return None if self.error is None or self._since_ms is None else FailingEgress(self.error, self._since_ms)

    def add(self, record: EgressRecord) -> None:
        """Add *record*, which is durable now and newer than all others."""
        self.kept += 1
        if self._read == self._newest and self._room():
            self._keep(record)
        self._newest = record.seq

    def wake(self) -> None:
        """Wake the sink: records have been added."""
        self._news.set()

    def when_written(self, call: Callable[[], None]) -> None:
        """Call *call* once all records that are durable now are written, or at :meth:`forget_watchers`."""
        if self.kept:
            self._watchers.append((self.through + self.kept, call))
        else:
            call()

    def forget_watchers(self) -> None:
        """No more records will be written here: make the calls of :meth:`when_written`."""
        while self._watchers:
            self._watchers.popleft()[1]()

    def hand_again(self) -> None:
        """The sink has ended: put the records that it took and did not write back to the front."""
        self._ready = deque(sorted(chain(self._taken.values(), self._ready), key=lambda record: record.seq))
        self._taken.clear()

    def _refill(self) -> None:
        while self._read < self._newest and (room := self._room()):
            found = self._store.egress_after(self._read, room, [self.egress])
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


def position_key(egress: str) -> str:
    """The name of the position of the sink of *egress* in the store."""
    return f"sink:{egress}"
