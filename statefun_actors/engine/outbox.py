"""``Outbox``: hands durable egress records to their sinks, and marks the written ones.

Each sink runs in a task of its own, so one that is slow or down delays neither the actors nor other sinks. A later
epoch commits the mark, with the sink's position. Records without a durable mark are handed over again: after a crash by
the next run, after a failed commit by the next outbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any as Untyped
from typing import Final

from statefun_actors.backoff import Backoff
from statefun_actors.dispatch import Instruments
from statefun_actors.engine.egress_queue import EgressQueue, position_key
from statefun_actors.engine.epoch import Epoch
from statefun_actors.engine.epoch_writer import EpochWriter
from statefun_actors.engine.failing_egress import FailingEgress
from statefun_actors.engine.lineage import LINEAGE, Lineage
from statefun_actors.engine.ports import Sink
from statefun_actors.errors import StatefunActorsError
from statefun_actors.interrupts import may_be_ctrl_c
from statefun_actors.partitions import is_between_partitions
from statefun_actors.store import EgressRecord, Recovered, Store
from statefun_actors.text import describe, describe_error

_BACKOFF: Final = Backoff(0.1, 10.0)


class Outbox:
    """Durable records that their sinks have not written yet. Records of egresses without a sink stay in the store.

    Args:
        sinks: by egress; they resume at the positions in *recovered*. One that is added later, before the first record
            of its egress is durable, starts with that record; it must not need the lineage.
        store: has the records.
        recovered: the current state of the store.
        epoch: returns the open epoch.
        seq: returns a new sequence number.
        instruments: notified of written records and failing sinks.
        now_ms: the current time.

    Raises:
        StoreError: the store can't be read.
    """

    def __init__(
        self,
        sinks: Mapping[str, Sink],
        store: Store,
        recovered: Recovered,
        epoch: Callable[[], Epoch],
        seq: Callable[[], int],
        instruments: Instruments,
        now_ms: Callable[[], int],
    ) -> None:
        self._sinks, self._store = sinks, store
        self._wake: Callable[[], None] = lambda: None
        self._tasks: list[asyncio.Task[None]] = []
        kept = store.egress_counts() if sinks else {}
        newest = recovered.next_seq - 1
        self._lineage = Lineage.read(recovered.positions.get(LINEAGE)).begun(newest)
        self._writer = writer = EpochWriter(epoch, seq, self._notify, instruments, now_ms)
        self._queues = {
            name: EgressQueue(name, store, writer, kept.get(name, 0), newest, self._lineage) for name in sinks
        }
        begun = {name: sink.resume(recovered.positions.get(position_key(name))) for name, sink in sinks.items()}
        new = {position_key(name): position for name, position in begun.items() if position is not None}
        if any(getattr(sink, "needs_lineage", False) for sink in sinks.values()):
            new |= self.started
        epoch().positions.update(new)
        self._may_start = not new
        """The start positions of sinks, and the lineage, which become durable before the first write."""

    @property
    def started(self) -> Mapping[str, str]:
        """The position that the next commit must write, also without sinks: its records are those of this start."""
        return {LINEAGE: self._lineage.text}

    def start(self, wake: Callable[[], None]) -> None:
        """Start the sinks, after their start positions are durable. *wake* wakes the engine."""
        self._wake = wake
        if self._may_start and not self._tasks:
            for name, queue in self._queues.items():
                self._run(self._sinks[name], queue)

    def _run(self, sink: Sink, queue: EgressQueue) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(_kept_running(sink, queue)))

    def durable(self, records: Iterable[EgressRecord]) -> None:
        """Add *records*, whose epoch is durable now."""
        added = set()
        for record in records:
            queue = self._queues.get(record.egress)
            if queue is None and (sink := self._sinks.get(record.egress)) is not None:
                queue = self._begin(sink, record)
            if queue is not None:
                queue.add(record)
                added.add(queue)
        for queue in added:
            queue.wake()
        if not self._may_start:
            self._may_start = True
            self.start(self._wake)

    def _begin(self, sink: Sink, first: EgressRecord) -> EgressQueue:
        """Start *sink*, which was added after the others; *first* is the first record of its egress."""
        queue = EgressQueue(first.egress, self._store, self._writer, 0, first.seq - 1, self._lineage)
        self._queues[first.egress] = queue
        sink.resume(None)
        if self._may_start:
            self._run(sink, queue)
        return queue

    def _notify(self) -> None:
        self._wake()

    @property
    def kept(self) -> int:
        """The number of durable records that their sinks have not written yet."""
        return sum([queue.kept for queue in self._queues.values()]) if self._queues else 0

    def kept_of(self, egress: str) -> int:
        """The number of durable records of *egress*, which has a sink, that are not written."""
        return self._queues[egress].kept

    def when_handed_over(self, call: Callable[[], None]) -> None:
        """Call *call* once all messages for other partitions that are durable now have arrived there, or at the end."""
        links = [queue for name, queue in self._queues.items() if is_between_partitions(name)]
        left = len(links)

        def one_written() -> None:
            nonlocal left
            left -= 1
            if not left:
                call()

        if not links:
            call()
        for queue in links:
            queue.when_written(one_written)

    def waiting(self, records: Iterable[EgressRecord]) -> Mapping[str, int]:
        """By egress, the number of durable records that its sink has not written; *records* are durable now."""
        waiting = {name: queue.kept for name, queue in self._queues.items()}
        for record in records if waiting else ():
            if record.egress in waiting:
                waiting[record.egress] += 1
        return waiting

    @property
    def settled(self) -> bool:
        """Whether each sink has written all its records, or can't in the near future."""
        return all(queue.settled for queue in self._queues.values())

    @property
    def failing(self) -> Mapping[str, FailingEgress]:
        """The sinks that can't write at present, by egress."""
        return {name: failure for name, queue in self._queues.items() if (failure := queue.failure) is not None}

    async def end(self, seconds: float = 0.0) -> bool:
        """End the sinks, after they have settled or *seconds* have passed; return whether any was still writing."""
        for queue in self._queues.values() if not seconds else ():
            queue.forget_watchers()
        if not self._tasks:
            return False
        news = asyncio.Event()
        self._wake = news.set
        try:
            async with asyncio.timeout(seconds):
                while not self.settled:
                    await news.wait()
                    news.clear()
        except TimeoutError:
            pass
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        self._tasks = []
        for queue in self._queues.values():
            queue.forget_watchers()
        return True


async def _kept_running(sink: Sink, queue: EgressQueue) -> None:
    task = asyncio.current_task()
    failures = through = 0
    while True:
        try:
            await sink.run(queue)
        except (OSError, StatefunActorsError) as error:
            queue.failing(describe_error(error))
        except BaseException as error:
            if _ends(task, error):
                raise
            queue.failing(describe(error), error)
        else:
            queue.failing("its sink ended by itself")
        queue.hand_again()
        if queue.through > through:
            failures, through = 0, queue.through
        failures += 1
        await asyncio.sleep(_BACKOFF.seconds(failures))


def _ends(task: asyncio.Task[Untyped] | None, error: BaseException) -> bool:
    """Whether *error* ends the task of a sink; otherwise the sink raised it.

    It does if the task is cancelled or its coroutine is closed, and if it may be Ctrl-C.
    """
    match error:
        case asyncio.CancelledError():
            return task is None or task.cancelling() > 0
        case GeneratorExit():  # a coroutine is closed by others, maybe without an event loop
            return asyncio._get_running_loop() is None or asyncio.current_task() is not task  # noqa: SLF001
        case _:
            return may_be_ctrl_c(error)
