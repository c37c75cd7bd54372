"""Egress records on their way out: durable first, then handed to their sinks, then marked as through.

Each sink runs in a task of its own, so one that is slow or down holds up neither the actors nor another sink. The mark
is committed with a later epoch, together with the sink's position. Records without a durable mark are handed
over again: after a crash by the next run, after a failed commit by the outbox that is built then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from statefun_actors.backoff import Backoff
from statefun_actors.dispatch import Instruments
from statefun_actors.engine.egress_queue import EgressQueue, EpochWriter, position_key
from statefun_actors.engine.epoch import Epoch
from statefun_actors.engine.ports import Sink
from statefun_actors.errors import StatefunActorsError
from statefun_actors.store import EgressRecord, Recovered, Store
from statefun_actors.text import describe, describe_error

_BACKOFF: Final = Backoff(0.1, 10.0)


class Outbox:
    """Durable records that their sinks have not written yet. Records of egresses without a sink stay in the store.

    Args:
        sinks: by egress; they resume where *recovered* says.
        store: where the records are.
        recovered: the store as of now.
        epoch: the epoch that is open.
        seq: a new sequence number.
        instruments: called with what sinks wrote, or could not.

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
    ) -> None:
        self._sinks = sinks
        self._wake: Callable[[], None] = lambda: None
        self._tasks: list[asyncio.Task[None]] = []
        kept = store.egress_counts() if sinks else {}
        book = EpochWriter(epoch, seq, self._tell, instruments)
        self._outlets = {
            name: EgressQueue(name, store, book, kept.get(name, 0), recovered.next_seq - 1) for name in sinks
        }
        begun = {name: sink.resume(recovered.positions.get(position_key(name))) for name, sink in sinks.items()}
        new = {position_key(name): position for name, position in begun.items() if position is not None}
        epoch().positions.update(new)
        self._may_start = not new
        """Where a sink begins is durable before it is first written to."""

    def start(self, wake: Callable[[], None]) -> None:
        """Start the sinks, once the positions where they begin are durable. *wake* wakes the engine."""
        self._wake = wake
        if self._may_start and not self._tasks:
            self._tasks = [
                asyncio.get_running_loop().create_task(_kept_running(sink, self._outlets[name]))
                for name, sink in self._sinks.items()
            ]

    def durable(self, records: Iterable[EgressRecord]) -> None:
        """The epoch of these is in the store."""
        added = set()
        for record in records:
            if (outlet := self._outlets.get(record.egress)) is not None:
                outlet.add(record)
                added.add(outlet)
        for outlet in added:
            outlet.wake()
        if not self._may_start:
            self._may_start = True
            self.start(self._wake)

    def _tell(self) -> None:
        self._wake()

    @property
    def kept(self) -> int:
        """Durable records that their sinks have not written yet."""
        return sum([outlet.kept for outlet in self._outlets.values()]) if self._outlets else 0

    @property
    def settled(self) -> bool:
        """Whether every sink has written all it was given, or can't."""
        return all(not outlet.kept or outlet.error is not None for outlet in self._outlets.values())

    @property
    def failing(self) -> Mapping[str, str]:
        """Why nothing gets through, by egress, where that is so."""
        return {name: outlet.error for name, outlet in self._outlets.items() if outlet.error is not None}

    async def end(self, seconds: float = 0.0) -> bool:
        """Have the sinks end, once they are settled or *seconds* have passed; whether any was still at work."""
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
        return True


async def _kept_running(sink: Sink, outlet: EgressQueue) -> None:
    failures = through = 0
    while True:
        try:
            await sink.run(outlet)
        except (OSError, StatefunActorsError) as error:
            outlet.failing(describe_error(error))
        except Exception as error:
            outlet.failing(describe(error), error)
        else:
            outlet.failing("its sink ended by itself")
        outlet.hand_again()
        if outlet.through > through:
            failures, through = 0, outlet.through
        failures += 1
        await asyncio.sleep(_BACKOFF.seconds(failures))
