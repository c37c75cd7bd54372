"""The engine: mailboxes in, epochs out. One core for the command line, the test kit and every door to come.

A *step* hands one batch of one address to dispatch and merges the outcome into the open epoch. The open epoch is
sealed when nothing is left to do, or when it is full, and committed in one write; meanwhile the next one is open.
Nothing of an epoch is shown outside before it is durable.

There is one way back for everything that goes wrong. A batch that fails leaves no trace, since an outcome is merged
only once it is whole. A commit that fails, like a crash, loses the open epochs, the cache and the mailboxes; what the
store holds is where things go on from. A handler that is suspended is not yet an outcome: its messages count as waiting
until it ends.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any as Untyped
from typing import Final, assert_never

import attrs

from statefun_actors.dispatch import Application, describe_error, dispatch, is_terminal, resumed
from statefun_actors.embedded.cache import EntityCache
from statefun_actors.embedded.clock import Clock, at_ms
from statefun_actors.embedded.doors import Sink, Source
from statefun_actors.embedded.epoch import Epoch
from statefun_actors.embedded.mailbox import Mailbox
from statefun_actors.embedded.rows import expire
from statefun_actors.embedded.store import DeadLetterEntry, EgressRecord, Message, Store, StoreError, Timer
from statefun_actors.embedded.timers import Timers
from statefun_actors.errors import StatefunActorsError
from statefun_actors.model import (
    Address,
    Batch,
    Cancel,
    Deadline,
    Done,
    Effect,
    Egress,
    Expiration,
    Failed,
    Invocation,
    MissingState,
    Outcome,
    Send,
    SendAfter,
    Settlement,
    State,
    TypedValue,
)

logger: Final = logging.getLogger("statefun_actors.engine")

INGRESS: Final = "statefun-actors/ingress"
"""The function type of those who ask from outside; the id is the request's."""


class EpochLostError(StatefunActorsError):
    """The commit that held this message failed, and nothing of it happened. A retry can help."""

    retryable = True

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"not stored, so send it again: {self.reason}"


@attrs.frozen(kw_only=True)
class EngineOptions:
    """What bounds the engine.

    Args:
        epoch_steps: messages handled before an epoch is sealed though more are waiting.
        batch: messages of one address handled together at the most.
        waiting: messages waiting in all, above which sources are not read.
        cache_bytes: memory for entities that are in use.
        retry: try again what failed without a policy; a test kit may rather be told.
    """

    epoch_steps: int = 500
    batch: int = 100
    waiting: int = 1_000
    cache_bytes: int = 64 * 1024 * 1024
    slice_steps: int = 128


@attrs.define
class Counters:
    """What the engine has done since it started."""

    handled: int = 0
    failed: int = 0
    dead_letters: int = 0
    discarded: int = 0
    timers_fired: int = 0
    egress: int = 0
    epochs: int = 0


class _EngineHost:
    """Time, for dispatch."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return at_ms(self._clock.now_ms())

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    def timeout(self, seconds: float) -> Deadline:
        return asyncio.timeout(seconds)


@attrs.define(eq=False)
class Ticket:
    """What became of one message from outside: called once, when its epoch is durable."""

    on_reply: Callable[[TypedValue], None] | None = None
    on_handled: Callable[[BaseException | None], None] | None = None
    """With the error of a message that was dead-lettered or discarded."""


class Engine:
    """Runs one application over one store.

    Args:
        app: what is served.
        store: recovered and written; the engine closes it when it stops.
        clock: where time comes from.
        sources: ingresses that are read as fast as messages are handled.
        sinks: egress name → where its records go; records of other egresses stay in the store.
        on_failure: called with each failure of a batch that has no policy, before it is retried.
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
        self._on_failure = on_failure
        self._host = _EngineHost(clock)
        self._specs = {name: tuple(route.function.states) for name, route in app.routes.items()}
        self._call_ttl = frozenset(
            name for name, specs in self._specs.items() if any(s.expiration is Expiration.AFTER_CALL for s in specs)
        )
        self._ttl = frozenset(
            name for name, specs in self._specs.items() if any(s.expiration is not Expiration.NONE for s in specs)
        )
        self._plain = frozenset(name for name, route in app.routes.items() if not route.waits)
        names = {name: tuple(spec.name for spec in specs) for name, specs in self._specs.items()}
        self.cache = EntityCache(store, names, self.options.cache_bytes)
        self._stopping = False
        self._wake = asyncio.Event()
        self._idle_waiters: list[asyncio.Future[None]] = []
        self._settled_waiters: list[asyncio.Future[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._tickets: dict[str, Ticket] = {}
        self._writing: asyncio.Task[None] | None = None
        self._reset_backoff = 0.1
        self._bug: BaseException | None = None
        """An error of the engine itself, never of a handler: it ends :meth:`run`."""
        self.error: BaseException | None = None
        """Why the last commit failed; None once one has succeeded again."""
        self._recover()

    # --- life

    def _recover(self) -> None:
        """Everything in memory, from the store: at the start, and after a failed commit."""
        recovered = self.store.recover()
        self._next_seq = recovered.next_seq
        self._epoch = Epoch(1)
        self._lost = False
        self.cache.clear()
        self.cache.durable_epoch = 0
        self.timers = Timers(self.store)
        self.mailboxes: dict[Address, Mailbox] = {}
        self._ready: deque[Mailbox] = deque()
        self._retries: list[tuple[int, Mailbox]] = []
        self.waiting = 0
        self.parked: dict[str, int] = {}
        """Messages for function types that nothing here serves: kept, for a deployment that does."""
        for message in recovered.messages:
            self._deliver(message)
        positions = recovered.positions
        for name, source in self.sources.items():
            source.resume(positions.get(f"source:{name}"))
        self._outbox: dict[str, deque[EgressRecord]] = {name: deque() for name in self.sinks}
        for name, sink in self.sinks.items():
            # Where a sink begins is durable before it is first written to, since that happens after a commit only.
            if (begun := sink.resume(positions.get(f"sink:{name}"))) is not None:
                self._epoch.positions[f"sink:{name}"] = begun
        if self.sinks:
            after = 0
            while chunk := self.store.egress_after(after, 1_000, list(self.sinks)):
                for record in chunk:
                    self._outbox[record.egress].append(record)
                after = chunk[-1].seq

    async def run(self) -> None:
        """Work until :meth:`stop`.

        A failed commit does not end it: everything is rebuilt from the store and goes on.
        """
        while True:
            if self._bug is not None:
                raise self._bug
            if self._lost:
                await self._rebuild()
            if self._stopping and not self._tasks and self._writing is None and self._epoch.empty:
                self._resolve(self._idle_waiters)
                self._resolve(self._settled_waiters)
                return
            if await self._slice():
                await asyncio.sleep(0)
            else:
                await self._rest()

    async def stop(self, *, drain: float = 8.0) -> None:
        """Take nothing new, let what is in flight end within *drain* seconds, commit, and close the store."""
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
        waiter = asyncio.get_running_loop().create_future()
        self._idle_waiters.append(waiter)
        self._wake.set()
        await waiter

    async def settled(self) -> None:
        """As :meth:`idle`, but messages that wait out a backoff count as settled: time does not move by itself."""
        waiter = asyncio.get_running_loop().create_future()
        self._settled_waiters.append(waiter)
        self._wake.set()
        await waiter

    # --- the doors

    def submit(self, target: Address, value: TypedValue, *, delay_ms: int = 0, ticket: Ticket | None = None) -> None:
        """A message from outside, in the open epoch. With a *ticket*, replies to it are told there once durable."""
        caller = None
        seq = self._seq()
        if ticket is not None:
            caller = Address(INGRESS, str(seq))
            self._tickets[caller.id] = ticket
        if delay_ms > 0:
            self.timers.add(Timer(seq, self.clock.now_ms() + delay_ms, target, value, caller), self._epoch)
        else:
            message = Message(seq, target, value, caller)
            self._epoch.messages[seq] = message
            self._deliver(message)
        self._wake.set()

    def emit(self, egress: str, value: TypedValue) -> None:
        """An egress record from outside, in the open epoch."""
        self._epoch.egress.append(EgressRecord(self._seq(), egress, value))
        self._wake.set()

    async def durable(self) -> None:
        """Return once everything submitted so far is durable.

        Raises:
            EpochLostError: its commit failed.
        """
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._epoch.on_durable.append(lambda: None if waiter.done() else waiter.set_result(None))
        self._epoch.on_lost.append(lambda error: None if waiter.done() else waiter.set_exception(error))
        self._wake.set()
        await waiter

    def next_due(self) -> int | None:
        """When something will be due next: a delayed message or a retry, in milliseconds since 1970."""
        due = self.timers.next_due()
        retry = min((at for at, _ in self._retries), default=None)
        return min(filter(None, (due, retry)), default=None)

    def state(self, address: Address) -> State:
        """The state of *address* as of now, the open epoch included."""
        return self.cache.get(address).state

    def failing(self) -> list[Mailbox]:
        """Addresses whose first message keeps failing, with its error."""
        return [mailbox for mailbox in self.mailboxes.values() if mailbox.attempts]

    # --- one slice of work

    async def _slice(self) -> bool:
        """Some steps; whether there is more to do right away."""
        now = self.clock.now_ms()
        self._fire(now)
        if not self._stopping:
            self._read_sources()
        if self._ready and self._writing is not None and self._epoch.steps >= self.options.epoch_steps:
            # The open epoch is full and the one before it still being written: let it catch up.
            await self._writing
        if self._ready and not self._stopping:
            self._steps()
        self._maybe_commit()
        return bool(self._ready) and not self._stopping

    def _steps(self) -> None:
        ready = self._ready
        count = min(len(ready), self.options.slice_steps)
        mailboxes = [ready.popleft() for _ in range(count)]
        self.cache.load([mailbox.address for mailbox in mailboxes])
        epoch, room = self._epoch, self.options.epoch_steps
        for mailbox in mailboxes:
            mailbox.queued = False
            if epoch.steps >= room:
                self._enqueue(mailbox)
                continue
            self._step(mailbox)

    def _step(self, mailbox: Mailbox) -> None:
        address = mailbox.address
        messages = mailbox.take(self.options.batch)
        record = self.cache.get(address)
        record.running = True
        typename = address[0]
        if typename in self._ttl and expire(record, self._specs[typename], self.clock.now_ms()):
            self.cache.resized(record)
        batch = Batch(address, record.state, [Invocation(message.value, message.caller) for message in messages])
        run = dispatch(batch, self.app, self._host)
        self._epoch.steps += len(messages)
        if typename in self._plain:
            try:
                pending = run.send(None)
            except StopIteration as done:
                self._finish(mailbox, done.value)
            else:
                self._start(self._suspended(mailbox, resumed(run, pending)))
        else:
            self._start(self._suspended(mailbox, run))

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

    async def _suspended(self, mailbox: Mailbox, run: Untyped) -> None:
        """See a batch through that may wait for something. It ends in whichever epoch is open then."""
        mailboxes = self.mailboxes
        try:
            outcome = await run
        except asyncio.CancelledError:
            if mailboxes is self.mailboxes:
                self._give_back(mailbox)
            return
        if mailboxes is not self.mailboxes:
            # A commit failed meanwhile: this batch belongs to what was thrown away.
            return
        self._finish(mailbox, outcome)

    # --- outcomes

    def _finish(self, mailbox: Mailbox, outcome: Outcome) -> None:
        match outcome:
            case Done():
                self._merge(mailbox, outcome)
            case Failed():
                self._failed(mailbox, outcome)
            case MissingState():
                raise AssertionError(f"the engine gave {mailbox.address} less than its states: {outcome.specs}")
            case _:
                assert_never(outcome)

    def _merge(self, mailbox: Mailbox, done: Done) -> None:
        epoch, address, messages = self._epoch, mailbox.address, mailbox.running
        now = self.clock.now_ms()
        record = self.cache.get(address)
        record.running = False
        if done.changes:
            record.state.update(done.changes)
            self.cache.resized(record)
            if address[0] in self._ttl:
                for name, value in done.changes.items():
                    if value is None:
                        record.written_ms.pop(name, None)
                    else:
                        record.written_ms[name] = now
        if done.changes or address[0] in self._call_ttl:
            record.last_call_ms = now
            record.epoch = epoch.number
            epoch.entities[address] = record
        for message in messages:
            epoch.consume(message.seq)
        for effect in done.effects:
            self._apply(effect, address, now)
        self.waiting -= len(messages)
        self.counters.handled += len(messages)
        for setback in done.setbacks:
            message = messages[setback.index]
            if setback.settlement is Settlement.DEAD_LETTER:
                self._bury(message, setback.error, setback.attempts, now)
            else:
                self.counters.discarded += 1
        if self._tickets:
            errors = {setback.index: setback.error for setback in done.setbacks}
            for index, message in enumerate(messages):
                self._tell_handled(message, errors.get(index))
        mailbox.running = []
        mailbox.attempts = 0
        mailbox.error = None
        self._again(mailbox)

    def _apply(self, effect: Effect, sender: Address, now: int) -> None:
        match effect:
            case Send(target, value):
                if target[0] == INGRESS:
                    self._reply(target[1], value)
                    return
                message = Message(self._seq(), target, value, sender)
                self._epoch.messages[message.seq] = message
                self._deliver(message)
            case SendAfter(target, value, delay, token):
                self.timers.add(Timer(self._seq(), now + delay, target, value, sender, token), self._epoch)
            case Cancel(token):
                self.timers.cancel(sender, token, self._epoch)
            case Egress(name, value):
                self._epoch.egress.append(EgressRecord(self._seq(), name, value))
                self.counters.egress += 1
            case _:
                assert_never(effect)

    def _failed(self, mailbox: Mailbox, failed: Failed) -> None:
        address, error = mailbox.address, failed.error
        record = self.cache.get(address)
        record.running = False
        count = len(mailbox.running)
        mailbox.put_back()
        if count > 1:
            mailbox.one_by_one = count
            self._again(mailbox)
            return
        self.counters.failed += 1
        mailbox.error = error
        if is_terminal(error):
            message = mailbox.queue.popleft()
            self.waiting -= 1
            self._epoch.consume(message.seq)
            self._bury(message, error, mailbox.attempts + 1, self.clock.now_ms())
            self._tell_handled(message, error)
            mailbox.attempts = 0
            mailbox.error = None
            logger.warning(
                "%s: dead letter of type %s: %s: %s",
                address, message.value.typename, type(error).__name__, describe_error(error),
            )  # fmt: skip
            self._again(mailbox)
            return
        wait = mailbox.backoff()
        mailbox.waits = True
        self._retries.append((self.clock.now_ms() + round(wait * 1000), mailbox))
        logger.warning(
            "%s: attempt %d of type %s failed, next in %g s: %s: %s",
            address, mailbox.attempts, mailbox.queue[0].value.typename, wait, type(error).__name__, describe_error(error),
            exc_info=error if mailbox.attempts == 1 else None,
        )  # fmt: skip
        if self._on_failure is not None:
            self._on_failure(address, error)

    def _bury(self, message: Message, error: BaseException, attempts: int, now: int) -> None:
        self._epoch.dead_letters.append(
            DeadLetterEntry(self._seq(), message, type(error).__name__, describe_error(error), attempts, now)
        )
        self.counters.dead_letters += 1

    def _give_back(self, mailbox: Mailbox) -> None:
        """A batch that was cancelled is a batch that never ran."""
        if (record := self.cache.peek(mailbox.address)) is not None:
            record.running = False
        mailbox.put_back()
        self._again(mailbox)

    # --- mailboxes and time

    def _seq(self) -> int:
        seq = self._next_seq
        self._next_seq = seq + 1
        return seq

    def _deliver(self, message: Message) -> None:
        target = message.target
        mailbox = self.mailboxes.get(target)
        if mailbox is None:
            if target[0] not in self.app.routes:
                self._park(target)
                return
            mailbox = self.mailboxes[target] = Mailbox(target)
        mailbox.queue.append(message)
        self.waiting += 1
        if not (mailbox.queued or mailbox.running or mailbox.waits):
            mailbox.queued = True
            self._ready.append(mailbox)

    def _park(self, target: Address) -> None:
        typename = target[0]
        if typename not in self.parked:
            logger.warning("nothing here serves %s; messages for it are kept for a run that does", typename)
        self.parked[typename] = self.parked.get(typename, 0) + 1

    def _enqueue(self, mailbox: Mailbox) -> None:
        if not (mailbox.queued or mailbox.waits):
            mailbox.queued = True
            self._ready.append(mailbox)

    def _again(self, mailbox: Mailbox) -> None:
        """After a batch: the next one, or nothing to remember."""
        if mailbox.queue:
            self._enqueue(mailbox)
        else:
            del self.mailboxes[mailbox.address]

    def _fire(self, now: int) -> None:
        if self._retries:
            due = [mailbox for at, mailbox in self._retries if at <= now]
            self._retries = [item for item in self._retries if item[0] > now]
            for mailbox in due:
                mailbox.waits = False
                self._enqueue(mailbox)
        if self._stopping or self.waiting >= self.options.waiting:
            return
        for timer in self.timers.take_due(now, self._epoch):
            message = Message(self._seq(), timer.target, timer.value, timer.caller)
            self._epoch.messages[message.seq] = message
            self._deliver(message)
            self.counters.timers_fired += 1
            if self.waiting >= self.options.waiting:
                return

    def _read_sources(self) -> None:
        for name, source in self.sources.items():
            if source.exhausted:
                continue
            # No more than this epoch can handle: what is read and handled in one epoch is never written as a message.
            ready = sum(len(mailbox.queue) for mailbox in self._ready)
            room = min(self.options.waiting - self.waiting, self.options.epoch_steps - self._epoch.steps - ready)
            if room <= 0:
                return
            if (position := source.read(room, self)) is not None:
                self._epoch.positions[f"source:{name}"] = position

    # --- replies

    def _reply(self, request: str, value: TypedValue) -> None:
        ticket = self._tickets.get(request)
        if ticket is not None and (tell := ticket.on_reply) is not None:
            ticket.on_reply = None
            self._epoch.on_durable.append(lambda: tell(value))

    def _tell_handled(self, message: Message, error: BaseException | None) -> None:
        caller = message.caller
        if caller is None or caller[0] != INGRESS:
            return
        ticket = self._tickets.get(caller[1])
        if ticket is not None and (tell := ticket.on_handled) is not None:
            ticket.on_handled = None
            self._epoch.on_durable.append(lambda: tell(error))

    def forget(self, ticket: Ticket) -> None:
        """Nobody waits for this ticket's replies any more."""
        for request in [request for request, held in self._tickets.items() if held is ticket]:
            del self._tickets[request]

    # --- commits

    def _maybe_commit(self) -> None:
        if self._writing is not None:
            return
        if self._epoch.empty:
            # Everything is durable; records left over from a run that was killed, or by a sink that failed, go out now.
            self._flush()
            if self._epoch.empty:
                return
        if self._ready and not self._stopping and self._epoch.steps < self.options.epoch_steps:
            return
        sealed, self._epoch = self._epoch, Epoch(self._epoch.number + 1)
        commit = sealed.seal(self._specs, self._next_seq)
        self._writing = asyncio.get_running_loop().create_task(self._write(sealed, commit))

    async def _write(self, sealed: Epoch, commit: Untyped) -> None:
        try:
            await self.store.commit(commit)
        except StoreError as error:
            self.error = error
            self._lost = True
            lost = EpochLostError(str(error))
            for tell in (*sealed.on_lost, *self._epoch.on_lost):
                tell(lost)
            self._epoch.on_lost.clear()
            logger.error("a commit failed; going on from the last one that succeeded: %s", error)
        else:
            self.error = None
            self._reset_backoff = 0.1
            self.counters.epochs += 1
            self.cache.durable_epoch = sealed.number
            self.timers.durable(sealed)
            for record in sealed.egress:
                if (outbox := self._outbox.get(record.egress)) is not None:
                    outbox.append(record)
            self._flush()
            for release in sealed.on_durable:
                release()
            self.cache.evict()
        finally:
            self._writing = None
            self._wake.set()

    def _flush(self) -> None:
        """Hand durable egress records to their sinks, and note in the open epoch that they are through."""
        for name, outbox in self._outbox.items():
            if not outbox:
                continue
            records = list(outbox)
            try:
                position = self.sinks[name].write(records)
            except OSError as error:
                logger.error("egress %s can't be written, its records are kept: %s", name, error)
                continue
            outbox.clear()
            self._epoch.egress_done += [record.seq for record in records]
            self._epoch.positions[f"sink:{name}"] = position

    async def _rebuild(self) -> None:
        """A commit has failed: drop what was built on it, and start over from the store."""
        for task in list(self._tasks):
            task.cancel()
        self.mailboxes = {}
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tickets.clear()
        await asyncio.sleep(self._reset_backoff)
        self._reset_backoff = min(5.0, self._reset_backoff * 2)
        self._recover()

    # --- rest

    async def _rest(self) -> None:
        """Nothing to do right now: say so if it is so, and wait for what comes."""
        if self._stopping:
            if self._tasks or self._writing is not None:
                await self._woken(None)
            return
        if self._writing is None and self._epoch.empty and not self._tasks and self._all_read():
            due = self.timers.next_due()
            if due is None or due > self.clock.now_ms():
                self._resolve(self._settled_waiters)
                if not self.waiting:
                    self._resolve(self._idle_waiters)
        await self._woken(self.next_due())

    async def _woken(self, due: int | None) -> None:
        cancel = self.clock.call_at(due, self._wake.set) if due is not None else None
        await self._wake.wait()
        self._wake.clear()
        if cancel is not None:
            cancel()

    def _all_read(self) -> bool:
        return all(source.exhausted for source in self.sources.values())

    @staticmethod
    def _resolve(waiters: list[asyncio.Future[None]]) -> None:
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        waiters.clear()
