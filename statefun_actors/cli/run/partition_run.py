"""One process of ``run --partitions``: the run of one partition, under a supervisor."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator, Iterable, Mapping
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Final

import attrs

from statefun_actors.asking import SCHEDULE
from statefun_actors.assembly import Service
from statefun_actors.assembly.partitions import ForwardedRequests, LinkService, Neighbours
from statefun_actors.cli.processes import at_the_end_of_the_supervisor
from statefun_actors.cli.run.counts import Counts
from statefun_actors.cli.run.rest import Busy, Rest
from statefun_actors.cli.run.stuck import only_failing
from statefun_actors.cli.signals import Stop
from statefun_actors.connectors.files import JsonLinesSource
from statefun_actors.connectors.partitions import LinkSink, LinkSource
from statefun_actors.engine import Engine, Sink
from statefun_actors.store import Store
from statefun_actors.store.partitioned import open_partition

if TYPE_CHECKING:
    from statefun_actors.console import ConsoleRoute

_PAUSE: Final = 0.05
"""Seconds between two looks at a partition that has nothing to do. A look may send a report."""
_SHORT_PAUSE: Final = 0.005
"""The same with ``--fire-timers``: each jump of the clock waits for such looks."""
_LONG_PAUSE: Final = 0.5
"""The same in a run that only an input that can't be read ends."""
_COUNTS_EVERY: Final = 1.0
"""Seconds between two reports of counts."""


@attrs.frozen
class Ready:
    """A partition reports that it takes messages. At its end it reports its summary."""


@attrs.frozen
class Failed:
    """A partition reports the *error* that ends its process."""

    error: str


@attrs.frozen
class PartitionRun:
    """What the run of one partition has that other runs don't have.

    Args:
        neighbours: the partition, and where the others are.
        report: sends what the supervisor must know.
        with_topics: whether some partition reads topics, which may have no end.
    """

    neighbours: Neighbours
    report: Callable[[Ready | Rest | Busy | Counts], None]
    with_topics: bool = False
    jumps: Connection | None = None
    """Where the supervisor says that the clock has jumped."""
    _jumped: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)

    def open_store(self) -> Store:
        """Its store. Raises StoreError: it is in use, or not that of this partition."""
        return open_partition(self.neighbours.store, self.neighbours.own, self.neighbours.system)

    def services(self, sources: Iterable[LinkSource], pages: Callable[[Engine], ConsoleRoute] | None) -> list[Service]:
        """The services for the other partitions. *pages*: makes the console of all; None: there is none."""
        pages = pages if self.neighbours.makes_pages else None
        return [LinkService(self.neighbours, sources), ForwardedRequests(self.neighbours, pages)]

    @contextlib.contextmanager
    def started(self, engine: Engine, stop: Stop, counts: Callable[[], Counts]) -> Generator[None]:
        """Messages are taken. Until the block ends, the death of the supervisor requests a stop."""
        with at_the_end_of_the_supervisor(stop.wanted.set), self._taking_jumps(engine):
            self.report(counts())
            self.report(Ready())
            yield

    @contextlib.contextmanager
    def _taking_jumps(self, engine: Engine) -> Generator[None]:
        """Wake *engine* when the clock has jumped."""
        jumps = self.jumps
        if jumps is None:
            yield
            return
        loop, file = asyncio.get_running_loop(), jumps.fileno()

        def jump() -> None:
            try:
                jumps.recv()
            except (EOFError, OSError):  # the supervisor has ended
                loop.remove_reader(file)
                return
            engine.wake()
            self._jumped.set()

        loop.add_reader(file, jump)
        try:
            yield
        finally:
            loop.remove_reader(file)

    async def report_counts(self, counts: Callable[[], Counts]) -> None:
        """Report *counts* each second if they have changed, until cancelled: this process may be killed."""
        reported = counts()
        while True:
            await asyncio.sleep(_COUNTS_EVERY)
            if (current := counts()) != reported:
                self.report(current)
                reported = current

    async def _pause(self, *, until_idle: bool) -> None:
        if self.jumps is None:
            await asyncio.sleep(_PAUSE if until_idle else _LONG_PAUSE)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._jumped.wait(), _SHORT_PAUSE)

    async def report_rests(
        self,
        engine: Engine,
        sinks: Mapping[str, Sink],
        sources: Iterable[LinkSource],
        inputs: Iterable[JsonLinesSource],
        *,
        until_idle: bool,
    ) -> None:
        """Report that this partition has nothing left to do, and that this has changed, until the engine ends.

        Args:
            engine: of the partition.
            sinks: its sinks, by egress.
            sources: what other partitions hand over.
            inputs: the files that it reads.
            until_idle: whether the run ends once nothing is left to do.
        """
        links = {egress: sink for egress, sink in sinks.items() if isinstance(sink, LinkSink)}
        reported: Rest | None = None
        await engine.settled()
        while True:
            if engine.at_rest and not any(map(engine.view.kept_of, links)):
                self._jumped.clear()
                rest = Rest(
                    until=engine.view.next_due(),
                    pending=self.jumps is not None and engine.view.pending_besides(SCHEDULE),
                    idle=engine.view.waiting == engine.view.waiting_paused,
                    failing=only_failing(engine.view),
                    failed=any(source.error is not None for source in inputs),
                    handed_over={(link.receiver, link.egress): link.confirmed for link in links.values()},
                    taken={(source.sender, source.egress): source.durable for source in sources},
                )
                if rest != reported:
                    self.report(rest)
                    reported = rest
                await self._pause(until_idle=until_idle)
                continue
            if reported is not None:
                self.report(Busy())
                reported = None
            if self.jumps is not None:
                engine.wake()  # it may wait for what has become due by a jump for another partition
            if not await engine.next_rest():
                return
