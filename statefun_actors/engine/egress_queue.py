"""``EgressQueue``: the durable records of one egress, which its sink takes in order and then marks as written."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from statefun_actors.dispatch import EgressDelivered, EgressFailed
from statefun_actors.engine.egress_window import WINDOW, EgressWindow
from statefun_actors.engine.epoch import Lost
from statefun_actors.engine.epoch_writer import EpochWriter
from statefun_actors.engine.failing_egress import FailingEgress
from statefun_actors.engine.lineage import Lineage
from statefun_actors.model import TypedValue
from statefun_actors.own_logger import own_logger
from statefun_actors.store import EgressRecord, Store
from statefun_actors.text import loggable

logger: Final = own_logger("statefun_actors.engine")


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
        self._writer = writer
        self._delivered = writer.instruments.egress_delivered
        self._window = EgressWindow(egress, store, newest, any=kept > 0)
        self.aside = self._window.aside
        self._news = asyncio.Event()
        self._watchers: deque[tuple[int, Callable[[], None]]] = deque()
        """Calls that :meth:`when_written` has promised, by the value of :attr:`through` at which they are due."""

    # --- called by the sink

    async def take(self, most: int = WINDOW) -> list[EgressRecord]:
        """Take the next records, at least one and at most *most*. Waits while there are none, or the window is full.

        Raises:
            StoreError: the store can't be read.
        """
        while not (records := self._window.take(most)):
            self._news.clear()
            await self._news.wait()
        return records

    def done(self, records: Sequence[EgressRecord], position: str | None = None) -> None:
        """Note in the open epoch that *records* are written, and that the position of the sink is *position*."""
        self.handed_on(records, position)
        if self._delivered.heard:
            self._delivered(EgressDelivered(self.egress, len(records), self.aside.reason is not None))

    def handed_on(self, records: Sequence[EgressRecord], position: str | None = None) -> None:
        """As :meth:`done`, for records that another partition writes, which counts them as delivered."""
        epoch = self._writer.epoch()
        for record in records:
            self._window.written(record)
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

    def set_aside(self, records: Iterable[EgressRecord], lane: str) -> None:
        """Keep *records*, which have to wait, in *lane* of :attr:`aside`; :meth:`take` goes on with later ones."""
        for record in records:
            self._window.set_aside(record, lane)
        self._news.set()

    def take_aside(self, lane: str, most: int = WINDOW) -> list[EgressRecord]:
        """Take the first records that were set aside in *lane*, at most *most*, at least one if there are any.

        They stay in the lane until they are written.

        Raises:
            StoreError: the store can't be read.
        """
        return self._window.take_aside(lane, most)

    def lanes_stuck(self, lanes: AbstractSet[str], reason: str | None) -> None:
        """*lanes* can't be written at present, for *reason*; None: all can. ``Engine.idle`` waits for others only."""
        self.aside.stuck, self.aside.reason = lanes, reason
        if reason is not None:
            self._begins_to_fail()
            self._writer.instruments.egress_failed(EgressFailed(self.egress, reason))
        elif self.error is None:
            self._since_ms = None
        self._writer.wake()

    def written_through(self, batch: Sequence[EgressRecord]) -> int:
        """The greatest seq up to which all records are written once *batch*, which was taken, is.

        It has to be in the note of a receiver, so that the next run knows what is written.
        """
        return self._window.written_through(batch)

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

    def unavailable(self, reason: str, *, given_up: bool = True) -> None:
        """As :meth:`failing`, but nothing is logged: the receiver comes back soon, or the log has it already."""
        self._fails(reason, given_up=given_up)
        self._writer.wake()

    def _can_write(self) -> None:
        self.error = None
        if self.aside.reason is None:
            self._since_ms = None
        self.given_up = False

    def _fails(self, reason: str, *, given_up: bool = True) -> None:
        self.error, self.given_up = reason, given_up
        self._begins_to_fail()

    def _begins_to_fail(self) -> None:
        if self._since_ms is None:
            self._since_ms = self._writer.now_ms()

    def _log_working(self) -> None:
        if self._logged and self.kept == self.aside.stuck_records:
            self._logged = False
            left = "nothing is left" if not self.kept else self.aside.reason
            logger.warning("egress %s is written again, and %s", self.egress, left)

    # --- called by the engine

    @property
    def failure(self) -> FailingEgress | None:
        """Why the sink can't write at present, all or some records, and since when; None while it can."""
        reason = self.error if self.error is not None else self.aside.reason
        return None if reason is None or self._since_ms is None else FailingEgress(reason, self._since_ms)

    @property
    def settled(self) -> bool:
        """Whether all records are written, or can't be in the near future."""
        return self.given_up or self.kept == self.aside.stuck_records

    def add(self, record: EgressRecord) -> None:
        """Add *record*, which is durable now and newer than all others."""
        self.kept += 1
        self._window.add(record)

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
        self._window.take_again()


def position_key(egress: str) -> str:
    """The name of the position of the sink of *egress* in the store."""
    return f"sink:{egress}"
