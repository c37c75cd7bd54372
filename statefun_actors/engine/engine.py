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
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from statefun_actors.address import Address
from statefun_actors.dispatch import Application
from statefun_actors.engine.callers import Waiter
from statefun_actors.engine.clock import Clock
from statefun_actors.engine.commits import Commits
from statefun_actors.engine.epoch import Counters, EpochLostError, Lost
from statefun_actors.engine.evolution.checking import Check, check, move_renamed
from statefun_actors.engine.failing import FailingMessage, NotFailingError, failing_message
from statefun_actors.engine.isolation import Entry, Isolation
from statefun_actors.engine.mailboxes import Mailbox
from statefun_actors.engine.merge import Merge
from statefun_actors.engine.options import EngineOptions
from statefun_actors.engine.ports import Sink, Source
from statefun_actors.engine.runner import Runner
from statefun_actors.engine.working_set import RenamingMemory, ServedStates, WorkingSet
from statefun_actors.ingress import Answer, IngressMessage, KeyReused
from statefun_actors.model import INGRESS, State, TypedValue
from statefun_actors.store import DeadLetterEntry, EgressRecord, Store, StoreError

logger: Final = logging.getLogger("statefun_actors.engine")


class Engine:
    """Runs one application over one store.

    Args:
        app: what is served.
        store: recovered and written; whoever opened it closes it.
        clock: where time comes from.
        sources: ingresses that are read as fast as messages are handled.
        sinks: egress name → where its records go; records of other egresses stay in the store.
        check_changes: how classes that have changed since the last run are looked for.
        on_failure: called with each failure of a message that has no policy, before it is retried.

    Raises:
        StoredTwiceError: was= can't move what is stored.
        IncompatibleStateError: the store holds what the classes of *app* can't read.
        LossRefusedError: they would lose some of it, and *check_changes* refuses that.
        StoreError: the store can't be read.
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
        check_changes: Check | None = None,
    ) -> None:
        self.app, self.store, self.clock = app, store, clock
        self.options = options if options is not None else EngineOptions()
        self.counters = Counters()
        """Since it started; what is lost with an epoch and done again counts once."""
        self.sources, self.sinks = dict(sources or {}), dict(sinks or {})
        self._shape = ServedStates(app)
        self._wake = asyncio.Event()
        self._merge = merge = Merge(self._shape, on_failure)
        self._isolation = Isolation(self.sources, self._wake.set)
        self._commits = Commits(store, clock, self.counters, self._isolation, self._wake.set)
        self._steps = Runner(
            app,
            clock,
            merge,
            self.options,
            ended=self._wake.set,
            lost=self._commits.lose,
            isolation=self._isolation,
            may_enter=self._may_enter,
        )
        self._stopping = False
        self._drain_until = 0.0
        self._idle_waiters: list[asyncio.Future[None]] = []
        self._settled_waiters: list[asyncio.Future[None]] = []
        check(app, store, clock.now_ms(), check_changes if check_changes is not None else Check())
        move_renamed(app, store)
        self._remember()

    def _remember(self) -> None:
        """Everything in memory, from the store."""
        make = RenamingMemory if self.app.renamed else WorkingSet
        self._memory = make(self._shape, self.store, self.sources, self.sinks, self.options)
        self._memory.direct = not self._isolation.active

    # --- life

    async def run(self) -> None:
        """Work until :meth:`stop`. A store that fails does not end it: it goes on from the last commit.

        Raises:
            DamagedStoreError: the file of the store is damaged, so that trying again can't help.
        """
        self._memory.outbox.start(self._wake.set)
        while True:
            if (bug := self._steps.bug or self._commits.fatal) is not None:
                self._isolation.abandon(str(bug))
                raise bug
            if self._at_the_end():
                if await self._memory.outbox.end(0 if self._memory.lost else self._drain_until - time.monotonic()):
                    continue  # what has just got through is still to be marked so
                self.release()
                self._isolation.abandon("the engine stops")
                return
            if self._memory.lost:
                await self._begin_again()
                await asyncio.sleep(0)
                continue
            try:
                more = await (self._isolated_slice() if self._isolation.active else self._slice())
            except StoreError as error:
                self._commits.lose(self._memory, error)
                continue
            if more:
                await asyncio.sleep(0)
            else:
                await self._rest()

    def _at_the_end(self) -> bool:
        if not self._stopping or self._commits.writing:
            return False
        return self._memory.lost or (not self._steps.suspended and self._memory.epoch.empty)

    async def stop(self, *, drain: float = 8.0) -> None:
        """Take nothing new, let what is in flight end within *drain* seconds, and commit. The store stays open.

        What does not end, and does not within a second of being cancelled, is left to itself.

        Egress records that don't get through within that time stay in the store, for the next run.
        """
        self._drain_until = time.monotonic() + drain
        self._stopping = True
        self._wake.set()
        await self._steps.drain(drain)
        self._wake.set()

    async def idle(self) -> None:
        """Return once nothing is left to do now: inputs read, mailboxes empty, no message due, everything durable.

        Egress records are written, too, except those of a sink that can't be written at present.
        """
        await self._wait_in(self._idle_waiters)

    async def settled(self) -> None:
        """As :meth:`idle`, but messages that wait out a backoff count as settled: time does not move by itself."""
        await self._wait_in(self._settled_waiters)

    async def _wait_in(self, waiters: list[asyncio.Future[None]]) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters.append(waiter)
        self._wake.set()
        await waiter

    def release(self) -> None:
        """Return from :meth:`idle` and :meth:`settled` now, whatever is left to do."""
        self._resolve(self._idle_waiters)
        self._resolve(self._settled_waiters)

    @staticmethod
    def _resolve(waiters: list[asyncio.Future[None]]) -> None:
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        waiters.clear()

    # --- the doors

    def submit(
        self,
        target: Address,
        value: TypedValue,
        *,
        delay_ms: int = 0,
        ticket: Waiter | None = None,
        caller: Address | None = None,
    ) -> None:
        """A message from outside, in the open epoch. With a *ticket*, what becomes of it is told there.

        With a *caller* it is a message of that function's, and the ticket is told what is sent there, until
        :meth:`forget`.

        Raises:
            EpochLostError: the store has just failed.
        """
        memory = self._memory
        if not memory.direct:
            again = lambda: self.submit(target, value, delay_ms=delay_ms, ticket=ticket, caller=caller)  # noqa: E731
            if self._enters_later(again, target, value):
                return
            self._check()
        if ticket is not None:
            if caller is None:
                caller = memory.tickets.open(str(memory.seq()), ticket)
            else:
                memory.stand_in(caller, ticket)
        if delay_ms > 0:
            memory.post_later(self.clock.now_ms() + delay_ms, target, value, caller, None)
        else:
            memory.post(target, value, caller)
        self._wake.set()

    def submit_once(
        self, letter: IngressMessage, tell: Callable[[Answer | EpochLostError], None]
    ) -> Callable[[], bool]:
        """As :meth:`submit` for a letter with an idempotency key: what came of it, or of the first of its key, is told.

        An EpochLostError is told where it has to be submitted again, by :meth:`enter`.

        Returns:
            What to call when nobody waits any more; it says whether the letter is durable.

        Raises:
            EpochLostError: the store has just failed.
            StoreError: the store can't be read.
        """
        self._check()
        memory, now = self._memory, self.clock.now_ms()
        if letter.target[0] in self.app.renamed:  # its key is scoped to the name that it has now
            letter = replace(letter, target=self.app.current(letter.target))
        requests = memory.tickets.requests
        request = requests.found(letter, now)
        if isinstance(request, KeyReused):
            tell(request)
            return lambda: False
        if request is None:
            name = str(memory.seq())
            request = requests.begin(letter, name, now, memory.epoch)
            caller = Address(INGRESS, name) if request.pending else None
            if letter.delay_ms > 0:
                memory.post_later(now + letter.delay_ms, letter.target, letter.value, caller, None)
            else:
                memory.post(letter.target, letter.value, caller)
            self._wake.set()
        return request.ask(letter.wait, tell)

    def emit(self, egress: str, value: TypedValue) -> None:
        """An egress record from outside, in the open epoch. Raises EpochLostError as :meth:`submit` does."""
        if not self._memory.direct:
            if self._enters_later(lambda: self.emit(egress, value)):
                return
            self._check()
        self._memory.epoch.egress.append(EgressRecord(self._memory.seq(), egress, value))
        self._wake.set()

    def forget(self, ticket: Waiter, caller: Address | None = None) -> None:
        """Nobody waits for this ticket any more, which was submitted with *caller*."""
        self._memory.tickets.close(ticket)
        if caller is not None:
            self._memory.stand_back(caller)

    def stored(self, ticket: Waiter) -> bool:
        """Whether the message of this ticket is durable."""
        return self._memory.tickets.stored(ticket)

    def wake(self) -> None:
        """Something outside has changed: a source has news. From the thread of the event loop."""
        self._wake.set()

    def when_durable(self, tell: Callable[[Lost | None], object]) -> None:
        """Have *tell* called once everything submitted so far is durable: with None, or why its commit failed."""
        if not self._memory.direct and self._enters_later(lambda: self.when_durable(tell)):
            return
        self._memory.epoch.on_end.append(tell)
        self._wake.set()

    async def durable(self) -> None:
        """Return once everything submitted so far is durable.

        Raises:
            EpochLostError: its commit failed.
            NotStorableError: the store refuses it for good.
        """
        if not self._isolation.active:
            self._check()
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def tell(lost: Lost | None) -> None:
            if not waiter.done():
                if lost is None:
                    waiter.set_result(None)
                else:
                    waiter.set_exception(lost)

        self.when_durable(tell)
        await waiter

    # --- submissions that an epoch may be lost over for another's fault

    @property
    def in_turn(self) -> bool:
        """Whether submissions from outside enter one by one: see :meth:`enter`."""
        return self._isolation.active

    def enter(self, submit: Callable[[], object], abandon: Callable[[EpochLostError], object]) -> None:
        """Call *submit*, which submits, at once; while messages are run one an epoch, when its turn has come.

        *abandon* is called instead where the engine ends before that.

        Raises:
            EpochLostError: the store has just failed.
        """
        if self._isolation.active:
            self._isolation.entries.append(Entry(submit, abandon))
            self._wake.set()
        else:
            self._check()
            submit()

    async def entered(self, submit: Callable[[], object]) -> None:
        """Call *submit*, which submits, and return once that is durable. It is called again after a loss for another's
        fault.

        Raises:
            EpochLostError: its commit failed.
            NotStorableError: the store refuses it for good.
            Exception: what *submit* raised.
        """
        while True:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()

            def end(error: Exception | None, waiter: asyncio.Future[None] = waiter) -> None:
                if not waiter.done():
                    if error is None:
                        waiter.set_result(None)
                    else:
                        waiter.set_exception(error)

            def submit_and_wait(end: Callable[[Exception | None], None] = end) -> None:
                try:
                    submit()
                except Exception as error:  # its caller waits for it
                    end(error)
                else:
                    self.when_durable(end)

            self.enter(submit_and_wait, end)
            try:
                await waiter
            except EpochLostError as lost:
                if not lost.again:
                    raise
            else:
                return

    def _enters_later(
        self, submit: Callable[[], object], target: Address | None = None, value: TypedValue | None = None
    ) -> bool:
        """Whether *submit* is called when its turn has come; else the engine has lost its memory."""
        if not self._isolation.active:
            return False
        message = None if target is None or value is None else (target, value)
        self._isolation.entries.append(Entry(submit, message=message))
        self._wake.set()
        return True

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
        if self._memory.lost:
            raise EpochLostError(str(self.error))

    # --- what can be seen from outside

    @property
    def error(self) -> BaseException | None:
        """Why the store failed last; None once a commit has succeeded again."""
        return self._commits.error

    def state(self, address: Address) -> State:
        """The state of *address* as of now, the open epoch included. Raises DamagedStateError if it can't be read."""
        return self._memory.record(self.app.current(address), self.clock.now_ms).state

    def next_due(self) -> int | None:
        """When a delayed message or a retry is due next, in milliseconds since 1970."""
        return self._memory.next_due()

    def failing_messages(self) -> list[FailingMessage]:
        """Messages without a policy that keep failing, by their addresses."""
        found = (failing_message(mailbox) for mailbox in self.failing())
        return sorted((each for each in found if each is not None), key=lambda each: each.message.target)

    def failing_message(self, address: Address) -> FailingMessage | None:
        """The first message of *address*, if that keeps failing."""
        mailbox = self._memory.mailboxes.of(address)
        return None if mailbox is None else failing_message(mailbox)

    def retry_failing(self, address: Address) -> None:
        """Try the failing message of *address* now, without waiting for the end of its backoff.

        Raises:
            NotFailingError: there is none, or it is being tried.
            EpochLostError: the store has just failed.
        """
        self._memory.mailboxes.retry_now(self._failing(address))
        self._wake.set()

    def drop_failing(self, address: Address, *, discard: bool = False) -> None:
        """Take the failing message of *address* out, in the open epoch: it becomes a dead letter, unless *discard*.

        Raises as :meth:`retry_failing` does.
        """
        self._merge.drop(self._memory, self._failing(address), self.clock.now_ms(), discard=discard)
        self._wake.set()

    def check_failing(self, address: Address) -> None:
        """Raise what :meth:`retry_failing` and :meth:`drop_failing` raise for *address*."""
        self._failing(address)

    def _failing(self, address: Address) -> Mailbox:
        self._check()
        mailbox = self._memory.mailboxes.of(address)
        if mailbox is None or not mailbox.attempts:
            raise NotFailingError(address, "none of its messages is failing")
        if mailbox.running:
            raise NotFailingError(address, "its message is being handled right now; try again in a moment")
        return mailbox

    def failing(self) -> list[Mailbox]:
        """Addresses whose first message keeps failing, with its error."""
        return self._memory.mailboxes.failing()

    @property
    def backlogged(self) -> bool:
        """Whether sinks are so far behind (``egress_backlog``) that nothing more should come in."""
        return self.egress_kept > self.options.egress_backlog

    @property
    def egress_kept(self) -> int:
        """Egress records that are durable and that their sinks have not written yet."""
        return self._memory.outbox.kept

    @property
    def failing_egress(self) -> Mapping[str, str]:
        """Egresses that can't be written at present, and why."""
        return self._memory.outbox.failing

    @property
    def takes(self) -> bool:
        """Whether messages from outside are taken; if not, the properties below say why."""
        memory, options = self._memory, self.options
        mailboxes = memory.mailboxes
        return not (
            self._stopping
            or (memory.lost and not self._isolation.active)
            or mailboxes.waiting - mailboxes.beyond + len(self._isolation.entries) >= options.held
            or mailboxes.bytes >= options.held_bytes
            or memory.outbox.kept > options.egress_backlog
        )

    @property
    def stopping(self) -> bool:
        """Whether nothing new is taken any more."""
        return self._stopping

    @property
    def lost(self) -> str | None:
        """Why nothing can be taken right now, the store having failed; None while it can."""
        return str(self.error) if self._memory.lost and not self._isolation.active else None

    @property
    def full(self) -> bool:
        """Whether whoever sends from outside should wait: what has come in is more than can be handled for now."""
        mailboxes, options = self._memory.mailboxes, self.options
        return mailboxes.held >= options.held or mailboxes.bytes >= options.held_bytes

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
            memory.epoch.counters.timers_fired += memory.fire(now, self._room(memory))
            self._read_sources(memory)
        if memory.mailboxes.ready and memory.epoch.steps >= options.epoch_steps and self._commits.writing:
            # The open epoch is full and the one before it is still being written: let that catch up.
            await self._commits.ended()
            if memory.lost:
                return True
        if not self._stopping:
            self._steps.take(memory)
        if memory.epoch.empty:
            # Every batch begun in it is suspended still: there is nothing to write, so nothing fills it either.
            memory.epoch.steps = 0
            if not self._commits.writing:
                self.counters.take(memory.epoch.counters)  # what changed nothing can't be lost either
        elif not self._commits.writing:
            if self._stopping or memory.epoch.steps >= options.epoch_steps:
                self._commits.begin(memory)
            elif not memory.mailboxes.ready:  # an idle engine commits at once, a busy one groups
                if self._commits.more_to_come(memory):
                    return True
                self._commits.begin(memory)
        return (bool(memory.mailboxes.ready) or self._steps.more) and not self._stopping

    def _may_enter(self, memory: WorkingSet) -> bool:
        return memory.epoch.empty and not self._commits.writing

    async def _isolated_slice(self) -> bool:
        """One cause, and its commit; whether there is more to do right away."""
        memory, isolation = self._memory, self._isolation
        if not self._may_enter(memory):
            if not self._commits.writing:
                self._commits.begin(memory)
            await self._commits.ended()
            if not memory.lost:
                isolation.durable()
                self._leave_isolation()
            return True
        if isolation.next_turn():
            return True
        if self._stopping:
            return False
        now = self.clock.now_ms()
        memory.mailboxes.end_waits(now)
        isolation.begin_turn()
        if (
            isolation.give_up_guilty(memory, now)
            or isolation.enter(memory)
            or self._steps.take_one(memory)
            or isolation.fire(memory, now)
            or (not self.backlogged and isolation.read(memory, now))
        ):
            return True
        if not self._steps.suspended:
            isolation.nothing_left()
            self._leave_isolation()
            return True
        return False

    def _leave_isolation(self) -> None:
        """Once the search is over, whoever has waited enters."""
        if not self._isolation.active:
            self._isolation.enter_all(self._memory)

    def _room(self, memory: WorkingSet) -> int:
        """How many more messages may be let in.

        What waits is worked off first. Where it can't be, behind handlers that take their time and messages that keep
        failing, others are let in past it.
        """
        options, held = self.options, memory.mailboxes.held
        if held < options.waiting:
            return options.waiting - held
        at_a_loss = not memory.mailboxes.ready and memory.epoch.empty and not self._commits.writing
        return min(options.epoch_steps, options.held - held) if at_a_loss else 0

    def _read_sources(self, memory: WorkingSet) -> None:
        options, mailboxes = self.options, memory.mailboxes
        if self.backlogged:
            return
        for name, source in self.sources.items():
            if source.exhausted:
                continue
            # What is read and handled in one epoch is never written as a message: so no more than this one can handle.
            in_epoch = options.epoch_steps - memory.epoch.steps - mailboxes.ready_messages
            room = min(self._room(memory), in_epoch)
            if room > 0 and (position := source.read(room, self)) is not None:
                memory.epoch.positions[f"source:{name}"] = position

    async def _begin_again(self) -> None:
        """The store failed: drop what was built on the lost epochs, and start over from what it holds."""
        await self._commits.ended()
        await self._steps.cancel()
        await self._memory.outbox.end()
        tickets = self._memory.tickets
        try:
            if not self._commits.refused:
                await self._commits.recover()
            self._remember()
            self._memory.tickets.adopt(tickets)
            self._memory.outbox.start(self._wake.set)
            self._isolation.recovered()
            self._leave_isolation()
        except StoreError as error:
            self._commits.failed(error)
            logger.error("the store still fails: %s", error)  # noqa: TRY400 - its text says all

    # --- rest

    async def _rest(self) -> None:
        """Nothing to do right now: say so if it is so, and wait for what comes."""
        memory = self._memory
        if self._stopping:
            if self._steps.suspended or self._commits.writing:
                await self._woken(None)
            return
        due = memory.timers.next_due()
        if self._quiet(memory) and (due is None or due > self.clock.now_ms()):
            self._resolve(self._settled_waiters)
            if not memory.mailboxes.waiting:
                self._resolve(self._idle_waiters)
        times = [at for at in (memory.next_due(), memory.next_sweep) if at is not None]
        await self._woken(min(times, default=None))

    def _quiet(self, memory: WorkingSet) -> bool:
        return (
            not self._commits.writing
            and memory.epoch.empty
            and memory.outbox.settled
            and not self._steps.suspended
            and all(source.exhausted for source in self.sources.values())
        )

    async def _woken(self, due: int | None) -> None:
        if self._wake.is_set():
            await asyncio.sleep(0)  # the wait below would let nobody else run
        cancel = self.clock.call_at(due, self._wake.set) if due is not None else None
        await self._wake.wait()
        self._wake.clear()
        if cancel is not None:
            cancel()
