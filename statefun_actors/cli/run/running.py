"""One run of an application on the embedded engine, from the inputs to the summary."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Literal

from statefun_actors.asking import SCHEDULE
from statefun_actors.assembly import Assembly
from statefun_actors.cli.logs import LogHandler
from statefun_actors.cli.run.counts import Count, Counts
from statefun_actors.cli.run.inputs import input_name, kafka_sources
from statefun_actors.cli.run.jumping_clock import JumpingClock, clock_of
from statefun_actors.cli.run.listening import STOPPING, messages_text, running_text
from statefun_actors.cli.run.options import RunOptions, opened_store, services_of
from statefun_actors.cli.run.printing import relayed_output
from statefun_actors.cli.run.progress import BarDisplay, CheckProgress, Display, PlainDisplay
from statefun_actors.cli.run.shared_clock import SharedClock
from statefun_actors.cli.run.sinks import Sinks
from statefun_actors.cli.run.stored import Stored
from statefun_actors.cli.run.stuck import only_failing
from statefun_actors.cli.run.summary import MOST_FAILING, FailingAddress, Summary, unwritten_error
from statefun_actors.cli.signals import Stop, stop_signals
from statefun_actors.connectors.files import BAD_LINES, BadLineError, JsonLinesSource
from statefun_actors.dispatch import Application
from statefun_actors.engine import Check, Engine, EngineOptions
from statefun_actors.text import one_line

if TYPE_CHECKING:
    from statefun_actors.connectors.kafka import KafkaSource

_STOPPED: Final = 9.5
"""Seconds from a signal to the forced end of the process."""
_DRAIN: Final = 8.0
"""The part of these seconds for handlers to end."""
_LOOKS: Final = 0.2
"""Seconds between two checks of the progress."""


class Run:
    """An engine with its inputs and the targets of its egresses.

    Raises:
        StoreError, EgressFileError, InputError: a file can't be opened, or was replaced.
        IncompatibleStateError, LossRefusedError: stored data does not fit the changed classes.
        BadPropertyError: a Kafka ingress or egress has invalid properties.
    """

    def __init__(self, name: str, app: Application, options: RunOptions, log: LogHandler) -> None:
        self._name, self._options, self._log = name, options, log
        self._stopped = asyncio.Event()
        self._started = time.monotonic()
        with contextlib.ExitStack() as closing:
            self._store = opened_store(options)
            closing.callback(self._store.close)
            self._sources: dict[str, JsonLinesSource] = {}
            partition = options.partition
            skip = options.skip_bad_lines is not None
            for path in options.inputs:
                after = next(reversed(self._sources.values()), None)
                source = JsonLinesSource(
                    path,
                    app,
                    skip_bad_lines=skip,
                    on_stopped=self._input_failed,
                    after=after,
                    share=None if partition is None else partition.neighbours.own,
                )
                self._sources[input_name(path, options.store)] = source
                closing.callback(source.close)
            self._topics = kafka_sources(options.kafka_ingresses, closing, until_end=options.until_idle)
            self._read_from: list[JsonLinesSource | KafkaSource] = [*self._sources.values(), *self._topics.values()]
            bad_lines = options.skip_bad_lines
            if partition is not None and not partition.neighbours.writes(BAD_LINES):
                bad_lines = None
            output = None if partition is None else relayed_output(partition.neighbours.sockets, closing)
            self._sinks = Sinks(
                options.egress, options.kafka_egresses, bad_lines, app, closing, self._read_no_more, output
            )
            links = {} if partition is None else partition.neighbours.sources()
            sinks = {**self._sinks.by_egress, **({} if partition is None else partition.neighbours.sinks())}
            self._links, self._all_sinks = list(links.values()), sinks
            self._clock = clock_of(options, closing)
            self.engine = Engine(
                app,
                self._store,
                self._clock,
                sources={**self._sources, **self._topics, **links},
                sinks=sinks,
                options=EngineOptions(
                    cache_bytes=options.cache_bytes,
                    egress_backlog=options.egress_backlog,
                    history=options.history,
                    partition=None if partition is None else partition.neighbours.own,
                ),
                check_changes=Check(
                    strict=options.strict,
                    after_move=options.after_move,
                    progress=CheckProgress(quiet=options.quiet),
                ),
            )
            self._assembly = Assembly(self.engine, services_of(options, self._store, self._links), closing.pop_all())
        if isinstance(self._clock, JumpingClock):
            self._clock.next_jump = self._next_jump
        self._before = [(source.line, source.skipped) for source in self._sources.values()]
        self._sinks.begun()
        self._reported_failing = False

    async def to_the_end(self) -> Summary:
        """Run until everything is done, an input fails, or a signal arrives."""
        with contextlib.closing(self._assembly), contextlib.ExitStack() as terminal:
            # Before anything is shown: users may press Ctrl-C as soon as they see the bar.
            before_dying: list[Callable[[], None]] = []
            partition = self._options.partition
            supervised = partition is not None
            stop = terminal.enter_context(stop_signals(before_dying, within=_STOPPED, supervised=supervised))
            display = self._display()
            before_dying.append(display.abandon)
            terminal.callback(display.close)
            if isinstance(display, BarDisplay):
                terminal.enter_context(self._log.writing_by(display.say))
            await self._assembly.start()
            if partition is not None:
                terminal.enter_context(partition.started(self.engine, stop, self._counts))
            await self._work(stop, display)
            display.close()
            return self._summary(stop)

    async def _work(self, stop: Stop, display: Display) -> None:
        watching = [asyncio.create_task(self._watch(display))]
        if (partition := self._options.partition) is not None:
            watching.append(asyncio.create_task(partition.report_counts(self._counts)))
            if self._sources or self._options.until_idle:
                inputs, until_idle = list(self._sources.values()), self._options.until_idle
                rests = partition.report_rests(self.engine, self._all_sinks, self._links, inputs, until_idle=until_idle)
                watching.append(asyncio.create_task(rests))
        ending = [asyncio.create_task(end) for end in (self._end(), stop.wanted.wait(), self._assembly.ended())]
        try:
            await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
            if stop.signal is not None:
                display.say(STOPPING)
        finally:  # again, if code of the application ended the event loop
            for task in (*watching, *ending):
                task.cancel()
            failure = await self._assembly.stop(_DRAIN)
        if failure is not None:
            raise failure

    async def _end(self) -> None:
        """Wait for a reason to end the run."""
        ways = [asyncio.create_task(self._stopped.wait())]
        if self._options.until_idle and self._options.partition is None:  # else the supervisor sees all partitions
            ways.append(asyncio.create_task(self._everything_done()))
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if self._stopped.is_set():
                # Messages before the bad line are handled first, unless they keep failing.
                await self.engine.settled()
        finally:
            for way in ways:
                way.cancel()

    def _read_no_more(self) -> None:
        """End the run early, without reading more."""
        for source in self._read_from:
            source.exhausted = True
        self._stopped.set()

    def _input_failed(self) -> None:
        """End the run early; of several partitions, once the others have read theirs, unless that may never end."""
        partition = self._options.partition
        if partition is None or partition.with_topics:
            self._read_no_more()
            return
        for source in self._sources.values():
            source.exhausted = True

    async def _everything_done(self) -> Literal[True]:
        while True:
            await self.engine.idle()
            if not self._options.fire_timers or not self.engine.view.pending_besides(SCHEDULE):
                return True

    def _next_jump(self) -> int | None:
        """The due time of the next delayed message, if nothing else is left to do and not all of them recur."""
        view = self.engine.view
        if view.waiting or not self._all_read() or not view.pending_besides(SCHEDULE):
            return None
        return view.next_due()

    def _all_read(self) -> bool:
        return all(source.exhausted for source in self._read_from)

    async def _watch(self, display: Display) -> None:
        if not self._options.until_idle:
            where = "memory" if self._options.store is None else self._options.store
            display.say(running_text(self.engine.app.typenames, f"state in {where}"))
        for listener in self._options.listeners:
            display.say(messages_text(listener))
            if self._options.console != "off":
                display.say(one_line(f"The console is at {listener.url(tls=False)}/"))
        while self._options.until_idle or not self._all_read():
            display.show()
            if self._options.until_idle and not self._reported_failing:
                self._report_failing(display)
            await asyncio.sleep(_LOOKS)
        display.close()

    def _report_failing(self, display: Display) -> None:
        if not self._all_read():
            return
        failing = only_failing(self.engine.view)
        if failing is not None:
            self._reported_failing = True
            display.say(failing)

    def _display(self) -> Display:
        if self._options.quiet or not sys.stderr.isatty() or not self._sources:
            return PlainDisplay(quiet=self._options.quiet)
        return BarDisplay(list(self._sources.values()), self._phase)

    def _phase(self) -> str:
        if not self._all_read():
            return "Reading"
        return f"Handling {self.engine.view.waiting:,} more" if self.engine.view.waiting else "Finishing"

    def _counts(self) -> Counts:
        sources, counters = list(self._sources.values()), self.engine.view.counters
        lines, skipped = sum(source.line for source in sources), sum(source.skipped for source in sources)
        lines_before = sum(before[0] for before in self._before)
        skipped_before = sum(before[1] for before in self._before)
        return Counts(
            lines=Count(lines - lines_before, lines),
            skipped=Count(skipped - skipped_before, skipped),
            records={source.id: source.records for source in self._topics.values()},
            bad_records=sum(source.bad for source in self._topics.values()),
            handled=counters.handled,
            timers_fired=counters.timers_fired,
            dead_letters=counters.dead_letters,
            discarded=counters.discarded,
            egress=self._sinks.counts(),
        )

    def _summary(self, stop: Stop) -> Summary:
        engine, counts, stored = self.engine, self._counts(), Stored.of(self._store)
        if self._options.partition is not None:
            self._options.partition.report(counts)
        stopped = next((source.error for source in self._sources.values() if source.error is not None), None)
        error = str(stopped) if stopped is not None else self._unwritten(stored.kept_names, stop)
        return Summary(
            app=self._name,
            store=None if self._options.store is None else str(self._options.store),
            ended="error" if error is not None else stop.signal.name if stop.signal is not None else "idle",
            error=error,
            bad_line=isinstance(stopped, BadLineError),
            seconds=time.monotonic() - self._started,
            lines=counts.lines,
            skipped=counts.skipped,
            records=counts.records,
            bad_records=counts.bad_records,
            handled=counts.handled,
            timers=Count(None, stored.timers),
            timers_fired=counts.timers_fired,
            waiting=stored.waiting - sum(engine.view.parked.values()),
            egress=counts.egress,
            targets=self._sinks.targets,
            kept=stored.kept,
            kept_names=stored.kept_names,
            dead_letters=Count(counts.dead_letters, stored.dead_letters),
            discarded=counts.discarded,
            entities=stored.entities,
            parked=dict(sorted(engine.view.parked.items())),
            failing=[
                FailingAddress(str(each.message.target), each.attempts, each.why)
                for each in engine.view.failing_addresses()[:MOST_FAILING]
            ],
            failing_egress={name: failure.reason for name, failure in engine.view.failing_egress.items()},
            paused=sorted(map(str, engine.view.pauses)),
            ahead_seconds=self._clock.ahead_ms / 1000 if isinstance(self._clock, JumpingClock | SharedClock) else 0.0,
        )

    def _unwritten(self, kept_names: Sequence[str], stop: Stop) -> str | None:
        """The error of records that could not be written to their target; none after a signal."""
        names = [name for name in kept_names if name in self._sinks.by_egress]
        if not names or stop.signal is not None:
            return None
        return unwritten_error(names)
