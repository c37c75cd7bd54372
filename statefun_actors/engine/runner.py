"""``Runner``: runs batches, each of one address, by dispatch, and passes their outcomes to :class:`~.merge.Merge`.

A batch that ends at once costs no task. A batch that suspends gets a task of its own; until it ends its messages count
as waiting, and it has changed nothing. If its working set is lost meanwhile, its outcome is dropped.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Sequence
from typing import Any as Untyped
from typing import Final, assert_never

from statefun_actors.dispatch import (
    GRACE_SECONDS,
    Application,
    Dispatch,
    HandlerTask,
    Paused,
    dispatcher,
    first_step,
    resumed,
    run_without_task,
    start_handler_task,
)
from statefun_actors.engine.attempts import counted
from statefun_actors.engine.clock import Clock
from statefun_actors.engine.engine_host import EngineHost
from statefun_actors.engine.mailbox import Mailbox
from statefun_actors.engine.merge import Merge
from statefun_actors.engine.options import EngineOptions
from statefun_actors.engine.refused_commits import Isolation
from statefun_actors.engine.suspended import Suspended, SuspendedBatches
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.host import Host
from statefun_actors.model import Batch, Done, Failed, Invocation, MissingState, Outcome
from statefun_actors.own_logger import own_logger
from statefun_actors.store import DamagedStateError, EntityRecord, Message, StoreError

logger: Final = own_logger("statefun_actors.engine")

_LAST_SECONDS: Final = GRACE_SECONDS + 0.25
"""Seconds in which cancelled batches should end. Async handlers that don't end are given up by then."""


def _twice(dispatch: Dispatch) -> Dispatch:
    """A dispatch that runs each batch twice, and drops the first outcome."""

    async def dispatch_twice(batch: Batch, app: Application, host: Host) -> Outcome:
        await dispatch(batch, app, host)
        return await dispatch(batch, app, host)

    return dispatch_twice


def _invocation(message: Message) -> Invocation:
    return Invocation(message.value, message.caller, message.headers)


class Runner:
    """Runs batches from the mailboxes.

    Args:
        app: the application to run.
        clock: time and randomness.
        merge: applies outcomes.
        options: of the engine.
        ended: called after the end of each suspended batch.
        lost: called if the store could not be read while an outcome was merged.
        isolation: whether each epoch has one message only, and the search for the refused one.
        may_enter: whether the open epoch of a working set is empty, and nothing is being written.
    """

    def __init__(
        self,
        app: Application,
        clock: Clock,
        merge: Merge,
        options: EngineOptions,
        *,
        ended: Callable[[], None],
        lost: Callable[[WorkingSet, StoreError], None],
        isolation: Isolation,
        may_enter: Callable[[WorkingSet], bool],
    ) -> None:
        self._isolation, self._may_enter = isolation, may_enter
        self.bug: BaseException | None = None
        """An error of the engine itself, never of a handler."""
        self._app, self._now_ms, self._merge, self._options = app, clock.now_ms, merge, options
        self._on_ended, self._on_lost = ended, lost
        self._host = EngineHost(clock)
        run = dispatcher(app, keeps_headers=True)
        if options.around is not None:
            run = options.around(run)
        self._dispatch = _twice(run) if options.twice else run
        self._activities = frozenset(name for name, served in app.all_served.items() if served.retries)
        self._plain = frozenset(name for name, served in app.all_served.items() if not served.waits)
        self._tasks: dict[HandlerTask[None], Suspended] = {}
        """The tasks of suspended batches."""
        self._batches = SuspendedBatches(options)
        self._left: dict[HandlerTask[None], Suspended] = {}
        """Cancelled batches that have not ended. Until they do, no other batch of their address begins."""
        concurrency = {name: served.function.options.concurrency for name, served in app.all_served.items()}
        self._places = {name: most for name, most in concurrency.items() if most is not None}
        """The number of further batches that may begin, by function type, for those with ``concurrency=``."""

        self.more = False
        """Whether held batches may begin, since a place is free."""

    @property
    def suspended(self) -> int:
        """The number of suspended batches."""
        return len(self._tasks)

    def take(self, working_set: WorkingSet) -> None:
        """Begin the next batches in the queue, up to the limits of a slice and of the open epoch."""
        run_without_task(functools.partial(self._take, working_set))

    def _take(self, working_set: WorkingSet) -> None:
        working_set.mailboxes.bring_back(self._options.suspended)
        if held := working_set.mailboxes.at_limit.types():
            self._take_held(working_set, held)
        left = self._options.slice_steps
        while left and (mailboxes := working_set.mailboxes.take_ready(left)):
            # Messages that these send may be ready at once: a chain of messages needs few turns of the event loop.
            left -= len(mailboxes)
            working_set.cache.load([mailbox.address for mailbox in mailboxes])
            if not self._take_all(working_set, mailboxes):
                break
        held = working_set.mailboxes.at_limit.types()
        self.more = bool(held) and not all(map(self._no_place, held))

    def _take_all(self, working_set: WorkingSet, mailboxes: list[Mailbox]) -> bool:
        """Begin the next batch of each of *mailboxes*; return whether the open epoch had room for all."""
        at_limit, waited = working_set.mailboxes.at_limit, bool(working_set.mailboxes.at_limit.types())
        epoch, room = working_set.epoch, self._options.epoch_steps
        for index, mailbox in enumerate(mailboxes):
            if epoch.steps >= room:
                working_set.mailboxes.keep_ready(mailboxes[index:])
                return False
            typename = mailbox.address[0]
            if self._left and self._is_left(mailbox):
                working_set.mailboxes.set_aside(mailbox)
            elif (self._tasks or waited) and (self._no_place(typename) or at_limit.holds(typename)):
                working_set.mailboxes.hold(mailbox)  # for a free place, or for batches that have waited longer
            else:
                self._step(working_set, mailbox)
        return True

    def _no_place(self, typename: str) -> bool:
        """Whether no further batch of *typename* may begin now."""
        return typename not in self._plain and (not self._places.get(typename, 1) or self._batches.full(typename))

    def _is_left(self, mailbox: Mailbox) -> bool:
        return any(batch.address == mailbox.address for batch in self._left.values())

    def _take_held(self, working_set: WorkingSet, typenames: Sequence[str]) -> None:
        """Begin held batches of *typenames*, up to the free places and the limit of the open epoch."""
        epoch, room = working_set.epoch, self._options.epoch_steps
        for typename in typenames:
            left = max(1, self._options.slice_steps // len(typenames))
            while left and epoch.steps < room and not self._no_place(typename):
                mailbox = working_set.mailboxes.next_held(typename)
                if mailbox is None:
                    break
                left -= 1
                if self._left and self._is_left(mailbox):
                    working_set.mailboxes.set_aside(mailbox)
                else:
                    self._step(working_set, mailbox)

    def take_one(self, working_set: WorkingSet) -> bool:
        """In isolation: begin a batch of one message of the next mailbox; return whether there was one."""
        return run_without_task(functools.partial(self._take_one, working_set))

    def _take_one(self, working_set: WorkingSet) -> bool:
        working_set.mailboxes.bring_back(self._options.suspended)
        for typename in working_set.mailboxes.at_limit.types():
            if not self._no_place(typename) and (held := working_set.mailboxes.next_held(typename)) is not None:
                working_set.mailboxes.keep_ready([held])
        for _ in range(working_set.mailboxes.ready):
            [mailbox] = working_set.mailboxes.take_ready(1)
            if self._left and self._is_left(mailbox):
                working_set.mailboxes.set_aside(mailbox)
                continue
            if self._tasks and self._no_place(mailbox.address[0]):
                working_set.mailboxes.hold(mailbox)
                continue
            mailbox.one_by_one = max(mailbox.one_by_one, 1)
            working_set.mailboxes.load(mailbox)
            self._isolation.ran(mailbox.queue[0])
            self._step(working_set, mailbox)
            return True
        return False

    async def drain(self, seconds: float) -> None:
        """Give suspended batches *seconds* to end; then cancel them, as if they had never run.

        A handler that can't be cancelled, such as one in a thread, is abandoned: its outcome is dropped, and neither
        the event loop nor the process waits for it.
        """
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        await self.cancel()
        for task, batch in self._left.items():
            logger.warning(
                "%s: its handler does not end; its messages are handled again at the next start", batch.address
            )
            task.abandon()
        if self._left:
            await asyncio.wait(list(self._left), timeout=_LAST_SECONDS)

    async def cancel(self) -> None:
        """Cancel suspended batches, as if they had never run; abandon those that can't be cancelled."""
        for task in self._tasks:
            task.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LAST_SECONDS)
        self._left |= self._tasks
        self._tasks.clear()

    def _step(self, working_set: WorkingSet, mailbox: Mailbox) -> None:
        address = mailbox.address
        if address[0] in self._activities:
            mailbox.one_by_one = 1
        messages = working_set.mailboxes.take(mailbox, self._options.batch)
        try:
            record = working_set.record(address, self._now_ms)
        except DamagedStateError as error:
            self._merge.failed(working_set, mailbox, Failed(None, error), self._now_ms())
            return
        record.running = True
        invocations = [*map(_invocation, messages)]
        working_set.epoch.steps += len(invocations)
        run = self._dispatch(Batch(address, record.state, invocations), self._app, self._host)
        if address[0] not in self._plain:
            if address[0] in self._activities:
                run = counted(working_set, messages[0], run)
            self._start(self._see_through(working_set, mailbox, record, run), mailbox)
            return
        outcome = first_step(run)
        if isinstance(outcome, Paused):
            rest = resumed(outcome.rest, outcome.pending)
            self._start(self._see_through(working_set, mailbox, record, rest), mailbox)
        else:
            self._finish(working_set, mailbox, record, outcome)

    def _start(self, work: Coroutine[Untyped, Untyped, None], mailbox: Mailbox) -> None:
        task = start_handler_task(work)
        if task is not None:
            address = mailbox.address
            self._tasks[task] = self._batches.begin(mailbox)
            if address[0] in self._places:
                self._places[address[0]] -= 1
            task.add_done_callback(self._task_ended)

    def _task_ended(self, task: HandlerTask[None]) -> None:
        batch = self._tasks.pop(task, None) or self._left.pop(task)
        self._batches.end(batch)
        if batch.address[0] in self._places:
            self._places[batch.address[0]] += 1
        if not task.cancelled() and (error := task.exception()) is not None:
            self.bug = error
        self._on_ended()

    async def _see_through(self, working_set: WorkingSet, mailbox: Mailbox, record: EntityRecord, run: Untyped) -> None:
        """Run a batch that may suspend. Its outcome is merged into the epoch that is open then."""
        try:
            outcome = await run
            while self._isolation.active and not (working_set.lost or self._may_enter(working_set)):
                await self._isolation.turn()
            if self._isolation.active and mailbox.running:
                self._isolation.ran(mailbox.running[0])
        except asyncio.CancelledError:
            self._merge.give_back(working_set, mailbox)
            return
        if not working_set.lost:
            try:
                self._finish(working_set, mailbox, record, outcome)
            except StoreError as error:
                self._on_lost(working_set, error)

    def _finish(self, working_set: WorkingSet, mailbox: Mailbox, record: EntityRecord, outcome: Outcome) -> None:
        match outcome:
            case Done():
                self._merge.done(working_set, mailbox, record, outcome, self._now_ms())
            case Failed():
                self._merge.failed(working_set, mailbox, outcome, self._now_ms())
            case MissingState(specs):
                raise AssertionError(f"the engine gave {mailbox.address} less than its states: {specs}")
            case _:
                assert_never(outcome)
