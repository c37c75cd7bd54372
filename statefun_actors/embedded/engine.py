"""The engine: mailboxes in, epochs out. One core for the command line, the test kit and every door to come.

A *step* hands one batch of one address to dispatch and merges the outcome into the open epoch. The open epoch is
sealed when nothing is left to do, or when it is full, and committed in one write; meanwhile the next one is open.
Nothing of an epoch is shown outside before it is durable.

There is one way back for everything that goes wrong. A batch that fails leaves no trace, since an outcome is merged
only once it is whole. A commit that fails, like a crash, loses the whole memory (memory.py), which is built again from
the store. A handler that is suspended is not yet an outcome: its messages count as waiting until it ends.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from datetime import datetime
from typing import Any as Untyped
from typing import Final, assert_never

import attrs

from statefun_actors.dispatch import Application, dispatch, resumed
from statefun_actors.embedded.clock import Clock, at_ms
from statefun_actors.embedded.doors import Sink, Source
from statefun_actors.embedded.epoch import Epoch
from statefun_actors.embedded.mailbox import Mailbox
from statefun_actors.embedded.memory import Memory, Shape
from statefun_actors.embedded.merge import Counters, Merge
from statefun_actors.embedded.store import Commit, DeadLetterEntry, EgressRecord, Store, StoreError
from statefun_actors.embedded.tickets import EpochLostError, Ticket
from statefun_actors.model import (
    Address,
    Batch,
    Deadline,
    Done,
    Failed,
    Invocation,
    MissingState,
    Outcome,
    State,
    TypedValue,
)

logger: Final = logging.getLogger("statefun_actors.engine")

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0


@attrs.frozen(kw_only=True)
class EngineOptions:
    """What bounds the engine.

    Args:
        epoch_steps: messages handled before an epoch is sealed though more are waiting.
        batch: messages of one address handled together at the most.
        waiting: messages waiting in all, above which sources are not read and no delayed message fires.
        cache_bytes: memory for entities that are in use.
        slice_steps: batches begun before the event loop gets its turn.
    """

    epoch_steps: int = 500
    batch: int = 100
    waiting: int = 1_000
    cache_bytes: int = 64 * 1024 * 1024
    slice_steps: int = 128


class _EngineHost:
    """Time, for dispatch."""

    monotonic = staticmethod(time.monotonic)

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return at_ms(self._clock.now_ms())

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    def timeout(self, seconds: float) -> Deadline:
        return asyncio.timeout(seconds)


class Engine:
    """Runs one application over one store.

    Args:
        app: what is served.
        store: recovered and written; whoever opened it closes it.
        clock: where time comes from.
        sources: ingresses that are read as fast as messages are handled.
        sinks: egress name → where its records go; records of other egresses stay in the store.
        on_failure: called with each failure of a message that has no policy, before it is retried.
    """

    def __init__(
        self,
        app: Application,
        store: Store,
        clock: Clock,
        *,
        sources: Mapping[str, Source] | None = None,
        sinks: Mapping[str, Sink] | None = None,
        options: EngineOptions | None = None,
        on_failure: Callable[[Address, BaseException], None] | None = None,
    ) -> None:
        self.app, self.store, self.clock = app, store, clock
        self.options = options if options is not None else EngineOptions()
        self.counters = Counters()
        self.sources, self.sinks = dict(sources or {}), dict(sinks or {})
        self.error: BaseException | None = None
        """Why the store failed last; None once a commit has succeeded again."""
        self._host = _EngineHost(clock)
        self._shape = Shape(app)
        self._merge = Merge(self._shape, self.counters, on_failure)
        self._plain = frozenset(name for name, route in app.routes.items() if not route.waits)
        self._stopping = False
        self._lost = False
        self._bug: BaseException | None = None
        """An error of the engine itself, never of a handler: it ends :meth:`run`."""
        self._pause = _FIRST_PAUSE
        self._wake = asyncio.Event()
        self._idle_waiters: list[asyncio.Future[None]] = []
        self._settled_waiters: list[asyncio.Future[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        """Batches whose handlers wait for something."""
        self._writing: asyncio.Task[None] | None = None
        self._remember()

    def _remember(self) -> None:
        """Everything in memory, from the store."""
        self._memory = Memory(self._shape, self.store, self.sources, self.sinks, self.options.cache_bytes)

    # --- life

    async def run(self) -> None:
        """Work until :meth:`stop`. A store that fails does not end it: it goes on from the last commit."""
        while True:
            if self._bug is not None:
                raise self._bug
            if self._lost:
                if self._stopping:
                    self._release()
                    return
                await self._begin_again()
            if self._stopping and not self._tasks and self._writing is None and self._memory.epoch.empty:
                self._release()
                return
            try:
                more = await self._slice()
            except StoreError as error:
                self._lose(error)
                continue
            if more:
                await asyncio.sleep(0)
            else:
                await self._rest()

    async def stop(self, *, drain: float = 8.0) -> None:
        """Take nothing new, let what is in flight end within *drain* seconds, and commit. The store stays open."""
        self._stopping = True
        self._wake.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=drain)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        self._wake.set()

    async def idle(self) -> None:
        """Return once nothing is left to do now: inputs read, mailboxes empty, no message due, everything durable."""
        await self._wait_in(self._idle_waiters)

    async def settled(self) -> None:
        """As :meth:`idle`, but messages that wait out a backoff count as settled: time does not move by itself."""
        await self._wait_in(self._settled_waiters)

    async def _wait_in(self, waiters: list[asyncio.Future[None]]) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters.append(waiter)
        self._wake.set()
        await waiter

    def _release(self) -> None:
        self._resolve(self._idle_waiters)
        self._resolve(self._settled_waiters)

    @staticmethod
    def _resolve(waiters: list[asyncio.Future[None]]) -> None:
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        waiters.clear()

    # --- the doors

    def submit(self, target: Address, value: TypedValue, *, delay_ms: int = 0, ticket: Ticket | None = None) -> None:
        """A message from outside, in the open epoch. With a *ticket*, what becomes of it is told there.

        Raises:
            EpochLostError: the store has just failed.
        """
        self._check()
        memory = self._memory
        caller = None if ticket is None else memory.tickets.open(str(memory.seq()), ticket)
        if delay_ms > 0:
            memory.post_later(self.clock.now_ms() + delay_ms, target, value, caller, None)
        else:
            memory.post(target, value, caller)
        self._wake.set()

    def emit(self, egress: str, value: TypedValue) -> None:
        """An egress record from outside, in the open epoch. Raises EpochLostError as :meth:`submit` does."""
        self._check()
        self._memory.epoch.egress.append(EgressRecord(self._memory.seq(), egress, value))
        self._wake.set()

    def forget(self, ticket: Ticket) -> None:
        """Nobody waits for this ticket any more."""
        self._memory.tickets.close(ticket)

    async def durable(self) -> None:
        """Return once everything submitted so far is durable.

        Raises:
            EpochLostError: its commit failed.
        """
        self._check()
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        epoch = self._memory.epoch
        epoch.on_durable.append(lambda: None if waiter.done() else waiter.set_result(None))
        epoch.on_lost.append(lambda error: None if waiter.done() else waiter.set_exception(error))
        self._wake.set()
        await waiter

    # --- dead letters

    def dead_letters(self) -> Iterator[DeadLetterEntry]:
        """Those that are durable and that nobody has dealt with, oldest first."""
        return self._memory.dead_letters.all()

    def dead_letter(self, seq: int) -> DeadLetterEntry:
        """The one of number *seq*. Raises NoDeadLetterError where there is none."""
        return self._memory.dead_letters.get(seq)

    def retry_dead_letter(self, seq: int, value: TypedValue | None = None) -> None:
        """Put the message of a dead letter, or *value* in its place, behind the others of its target.

        In the open epoch: the dead letter is gone once :meth:`durable` returns. Should the message fail again, it
        becomes a dead letter of another number. Nobody waits for its reply any more.

        Raises:
            NoDeadLetterError: there is none of that number (any more).
            EpochLostError: the store has just failed.
        """
        self._check()
        memory = self._memory
        message = memory.dead_letters.take(seq, memory.epoch).message
        memory.post(message.target, message.value if value is None else value, message.caller)
        self._wake.set()

    def discard_dead_letter(self, seq: int) -> None:
        """Throw a dead letter away, in the open epoch. Raises as :meth:`retry_dead_letter` does."""
        self._check()
        self._memory.dead_letters.take(seq, self._memory.epoch)
        self._wake.set()

    def _check(self) -> None:
        if self._lost:
            raise EpochLostError(str(self.error))

    # --- what can be seen from outside

    def state(self, address: Address) -> State:
        """The state of *address* as of now, the open epoch included."""
        return self._memory.record(address, self.clock.now_ms()).state

    def next_due(self) -> int | None:
        """When a delayed message or a retry is due next, in milliseconds since 1970."""
        return self._memory.next_due()

    def failing(self) -> list[Mailbox]:
        """Addresses whose first message keeps failing, with its error."""
        return self._memory.mailboxes.failing()

    @property
    def waiting(self) -> int:
        """Messages not dealt with yet, those in flight included."""
        return self._memory.mailboxes.waiting

    @property
    def parked(self) -> Mapping[str, int]:
        """Messages kept for function types that nothing here serves, by function type."""
        return self._memory.mailboxes.parked

    # --- steps

    async def _slice(self) -> bool:
        """Some steps; whether there is more to do right away."""
        memory, options = self._memory, self.options
        now = self.clock.now_ms()
        memory.mailboxes.end_waits(now)
        memory.sweep(now)
        if not self._stopping:
            self.counters.timers_fired += memory.fire(now, options.waiting - memory.mailboxes.waiting)
            self._read_sources(memory)
        if memory.mailboxes.ready and memory.epoch.steps >= options.epoch_steps and self._writing is not None:
            # The open epoch is full and the one before it is still being written: let that catch up.
            await self._writing
            if self._lost:
                return True
        if not self._stopping:
            self._steps(memory)
        if memory.epoch.empty:
            # Every batch begun in it is suspended still: there is nothing to write, so nothing fills it either.
            memory.epoch.steps = 0
        elif self._writing is None and self._full(memory):
            self._writing = asyncio.get_running_loop().create_task(self._write(memory, *memory.seal()))
        return bool(memory.mailboxes.ready) and not self._stopping

    def _full(self, memory: Memory) -> bool:
        """Whether to commit now: an idle engine does so at once, a busy one groups."""
        return not memory.mailboxes.ready or self._stopping or memory.epoch.steps >= self.options.epoch_steps

    def _read_sources(self, memory: Memory) -> None:
        options, mailboxes = self.options, memory.mailboxes
        for name, source in self.sources.items():
            if source.exhausted:
                continue
            # What is read and handled in one epoch is never written as a message: so no more than this one can handle.
            in_epoch = options.epoch_steps - memory.epoch.steps - mailboxes.ready_messages
            room = min(options.waiting - mailboxes.waiting, in_epoch)
            if room > 0 and (position := source.read(room, self)) is not None:
                memory.epoch.positions[f"source:{name}"] = position

    def _steps(self, memory: Memory) -> None:
        mailboxes = memory.mailboxes.take_ready(self.options.slice_steps)
        memory.cache.load([mailbox.address for mailbox in mailboxes])
        epoch, room = memory.epoch, self.options.epoch_steps
        for index, mailbox in enumerate(mailboxes):
            if epoch.steps >= room:
                memory.mailboxes.keep_ready(mailboxes[index:])
                break
            self._step(memory, mailbox)

    def _step(self, memory: Memory, mailbox: Mailbox) -> None:
        address = mailbox.address
        record = memory.record(address, self.clock.now_ms())
        record.running = True
        invocations = [Invocation(message.value, message.caller) for message in mailbox.take(self.options.batch)]
        memory.epoch.steps += len(invocations)
        run = dispatch(Batch(address, record.state, invocations), self.app, self._host)
        if address[0] not in self._plain:
            self._start(self._see_through(memory, mailbox, run))
            return
        try:
            pending = run.send(None)
        except StopIteration as done:
            self._finish(memory, mailbox, done.value)
        else:
            self._start(self._see_through(memory, mailbox, resumed(run, pending)))

    def _start(self, work: Coroutine[Untyped, Untyped, None]) -> None:
        if sys.version_info >= (3, 12):
            task = asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)
        else:
            task = asyncio.get_running_loop().create_task(work)
        if task.done():
            task.result()
        else:
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._bug = error
        self._wake.set()

    async def _see_through(self, memory: Memory, mailbox: Mailbox, run: Untyped) -> None:
        """Await a batch that may be suspended. It ends in whichever epoch is open then."""
        try:
            outcome = await run
        except asyncio.CancelledError:
            if memory is self._memory:
                self._merge.give_back(memory, mailbox)
            return
        if memory is self._memory and not self._lost:
            self._finish(memory, mailbox, outcome)

    def _finish(self, memory: Memory, mailbox: Mailbox, outcome: Outcome) -> None:
        match outcome:
            case Done():
                self._merge.done(memory, mailbox, outcome, self.clock.now_ms())
            case Failed():
                self._merge.failed(memory, mailbox, outcome, self.clock.now_ms())
            case MissingState(specs):
                raise AssertionError(f"the engine gave {mailbox.address} less than its states: {specs}")
            case _:
                assert_never(outcome)

    # --- commits

    async def _write(self, memory: Memory, sealed: Epoch, commit: Commit) -> None:
        try:
            await self.store.commit(commit)
        except StoreError as error:
            self._lose(error, sealed)
        except BaseException as error:
            self._bug = error
            raise
        else:
            self.error = None
            self._pause = _FIRST_PAUSE
            self.counters.epochs += 1
            memory.durable(sealed)
        finally:
            self._writing = None
            self._wake.set()

    def _lose(self, error: StoreError, *sealed: Epoch) -> None:
        """The store failed: the open epochs are lost, and those who wait for them are told."""
        self.error = error
        self._lost = True
        lost = EpochLostError(str(error))
        for epoch in (*sealed, self._memory.epoch):
            for tell in epoch.on_lost:
                tell(lost)
            epoch.on_lost.clear()
        self._memory.tickets.lose(lost)
        logger.error("the store failed; going on from the last commit that succeeded: %s", error)

    async def _begin_again(self) -> None:
        """The store failed: drop what was built on the lost epochs, and start over from what it holds."""
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.sleep(self._pause)
        self._pause = min(_LONGEST_PAUSE, self._pause * 2)
        try:
            self._remember()
        except StoreError as error:
            self.error = error
            logger.error("the store still fails: %s", error)  # noqa: TRY400 - its text says all
            return
        self._lost = False

    # --- rest

    async def _rest(self) -> None:
        """Nothing to do right now: say so if it is so, and wait for what comes."""
        memory = self._memory
        if self._stopping:
            if self._tasks or self._writing is not None:
                await self._woken(None)
            return
        due = memory.timers.next_due()
        if self._quiet(memory) and (due is None or due > self.clock.now_ms()):
            self._resolve(self._settled_waiters)
            if not memory.mailboxes.waiting:
                self._resolve(self._idle_waiters)
        times = [at for at in (memory.next_due(), memory.next_sweep) if at is not None]
        await self._woken(min(times, default=None))

    def _quiet(self, memory: Memory) -> bool:
        return (
            self._writing is None
            and memory.epoch.empty
            and not self._tasks
            and all(source.exhausted for source in self.sources.values())
        )

    async def _woken(self, due: int | None) -> None:
        cancel = self.clock.call_at(due, self._wake.set) if due is not None else None
        await self._wake.wait()
        self._wake.clear()
        if cancel is not None:
            cancel()
