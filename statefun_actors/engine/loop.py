"""``Loop``: the engine at work: a slice of steps after another, a commit where one is due, rest where nothing is.

There is one way back from every failure. A batch that fails leaves no trace, since an outcome is merged only once it is
whole. A commit that fails, like a crash, loses the whole working set, which is built again from the store. The outcome
of a suspended handler does not exist until it ends: until then its messages count as waiting.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from statefun_actors.engine.core import Core
from statefun_actors.engine.epoch import EpochLostError
from statefun_actors.engine.inboxes import OpenInbox
from statefun_actors.engine.runner import Runner
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.store import StoreError

logger: Final = logging.getLogger("statefun_actors.engine")


class Loop:
    """Runs the engine of *core*."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._commits, self._isolation = core.commits, core.isolation
        self._runner = Runner(
            core.app,
            core.clock,
            core.merge,
            core.options,
            ended=core.news.set,
            lost=core.commits.lose,
            isolation=core.isolation,
            may_enter=self._may_enter,
        )
        self._ended = False
        self._drain_until = 0.0
        self._idle_waiters: list[asyncio.Future[None]] = []
        self._settled_waiters: list[asyncio.Future[None]] = []

    # --- life

    async def run(self) -> None:
        """See :meth:`Engine.run`."""
        reason = "the engine stops"
        try:
            await self._run()
        except Exception as error:
            reason = str(error)
            raise
        finally:
            self._end(reason)

    async def _run(self) -> None:
        core = self._core
        core.working_set.outbox.start(core.news.set)
        while True:
            if (bug := self._runner.bug or self._commits.fatal) is not None:
                await self._commits.ended()
                raise bug
            working_set = core.working_set
            if self._at_the_end():
                if await working_set.outbox.end(0 if working_set.lost else self._drain_until - time.monotonic()):
                    continue  # what has just got through is still to be marked so
                return
            if working_set.lost:
                await self._begin_again()
                await asyncio.sleep(0)
                continue
            try:
                more = await (self._isolated_slice() if self._isolation.active else self._slice())
            except StoreError as error:
                self._commits.lose(working_set, error)
                continue
            if more:
                await asyncio.sleep(0)
            else:
                await self._rest()

    def _end(self, reason: str) -> None:
        """Nothing is handled any more: answer all callers, and resolve everything else that waits for the engine."""
        self._ended = self._core.stopping = True
        working_set = self._core.working_set
        working_set.callers.interrupt()
        if not (self._commits.writing or working_set.lost):
            self._commits.report_lost(working_set, EpochLostError(reason))
        self._isolation.abandon(reason)
        self.release()

    def _at_the_end(self) -> bool:
        if not self._core.stopping or self._commits.writing:
            return False
        working_set = self._core.working_set
        return working_set.lost or (not self._runner.suspended and working_set.epoch.empty)

    async def stop(self, drain: float) -> None:
        """See :meth:`Engine.stop`."""
        self._drain_until = time.monotonic() + drain
        self._core.stopping = True
        self._core.news.set()
        await self._runner.drain(drain)
        self._core.news.set()

    async def idle(self) -> None:
        """See :meth:`Engine.idle`."""
        await self._wait_in(self._idle_waiters)

    async def settled(self) -> None:
        """See :meth:`Engine.settled`."""
        await self._wait_in(self._settled_waiters)

    async def _wait_in(self, waiters: list[asyncio.Future[None]]) -> None:
        if self._ended:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters.append(waiter)
        self._core.news.set()
        await waiter

    def release(self) -> None:
        """Return from :meth:`idle` and :meth:`settled` now, although something may be left to do."""
        self._resolve(self._idle_waiters)
        self._resolve(self._settled_waiters)

    @staticmethod
    def _resolve(waiters: list[asyncio.Future[None]]) -> None:
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        waiters.clear()

    # --- slices

    async def _slice(self) -> bool:
        """Some steps; whether there is more to do right away."""
        core, commits = self._core, self._commits
        working_set, options = core.working_set, core.options
        now = core.clock.now_ms()
        working_set.mailboxes.end_waits(now)
        working_set.sweep(now)
        if not core.stopping:
            working_set.epoch.counters.timers_fired += working_set.fire(now, self._room(working_set))
            self._read_sources(working_set)
        if working_set.mailboxes.ready and working_set.epoch.steps >= options.epoch_steps and commits.writing:
            # The open epoch is full and the one before it is still being written: let that catch up.
            await commits.ended()
            if working_set.lost:
                return True
        if not core.stopping:
            self._runner.take(working_set)
        if working_set.epoch.empty:
            # Every batch begun in it is suspended still: there is nothing to write, so nothing fills it either.
            working_set.epoch.steps = 0
            if not commits.writing:
                # What changed nothing can't be lost either.
                commits.count(working_set.epoch, working_set.mailboxes.waiting)
        elif not commits.writing:
            if core.stopping or working_set.epoch.steps >= options.epoch_steps:
                commits.begin(working_set)
            elif not working_set.mailboxes.ready:  # an idle engine commits at once, a busy one groups
                if commits.more_to_come(working_set):
                    return True
                commits.begin(working_set)
        return (bool(working_set.mailboxes.ready) or self._runner.more) and not core.stopping

    def _may_enter(self, working_set: WorkingSet) -> bool:
        return working_set.epoch.empty and not self._commits.writing

    async def _isolated_slice(self) -> bool:
        """One cause, and its commit; whether there is more to do right away."""
        core, isolation = self._core, self._isolation
        working_set = core.working_set
        if not self._may_enter(working_set):
            if not self._commits.writing:
                self._commits.begin(working_set)
            await self._commits.ended()
            if not working_set.lost:
                isolation.durable()
                self._leave_isolation()
            return True
        if isolation.next_turn():
            return True
        if core.stopping:
            return False
        now = core.clock.now_ms()
        working_set.mailboxes.end_waits(now)
        isolation.begin_turn()
        if (
            isolation.give_up_guilty(working_set, now)
            or isolation.enter(working_set)
            or self._runner.take_one(working_set)
            or isolation.fire(working_set, now)
            or (not core.backlogged and isolation.read(working_set, now))
        ):
            return True
        if not self._runner.suspended:
            isolation.nothing_left()
            self._leave_isolation()
            return True
        return False

    def _leave_isolation(self) -> None:
        """Once the search is over, what has waited enters."""
        if not self._isolation.active:
            self._isolation.enter_all(self._core.working_set)

    def _room(self, working_set: WorkingSet) -> int:
        """How many more messages may be let in.

        What waits is worked off first. Where it can't be, behind handlers that take their time and messages that keep
        failing, others are let in past it.
        """
        options, held = self._core.options, working_set.mailboxes.held
        if held < options.waiting:
            return options.waiting - held
        stuck = not working_set.mailboxes.ready and working_set.epoch.empty and not self._commits.writing
        return min(options.epoch_steps, options.held - held) if stuck else 0

    def _read_sources(self, working_set: WorkingSet) -> None:
        core, options, mailboxes = self._core, self._core.options, working_set.mailboxes
        if not core.sources or core.backlogged:
            return
        inbox = OpenInbox(working_set, core.clock.now_ms, core.news.set)
        for name, source in core.sources.items():
            if source.exhausted:
                continue
            # What is read and handled in one epoch is never written as a message: so no more than this one can handle.
            in_epoch = options.epoch_steps - working_set.epoch.steps - mailboxes.ready_messages
            room = min(self._room(working_set), in_epoch)
            if room <= 0:
                continue
            working_set.reading = source
            try:
                position = source.read(room, inbox)
            finally:
                working_set.reading = None
            if position is not None:
                working_set.epoch.positions[f"source:{name}"] = position
                core.news.set()

    async def _begin_again(self) -> None:
        """The store failed: drop what was built on the lost epochs, and start over from what it holds."""
        core, lost = self._core, self._core.working_set
        await self._commits.ended()
        await self._runner.cancel()
        await lost.outbox.end()
        try:
            if not self._commits.refused:
                await self._commits.recover()
            core.recover()
            core.working_set.adopt(lost)
            core.working_set.outbox.start(core.news.set)
            self._isolation.recovered()
            self._leave_isolation()
        except StoreError as error:
            self._commits.failed(error)
            logger.error("the store still fails: %s", error)  # noqa: TRY400 - its text says all

    # --- rest

    async def _rest(self) -> None:
        """Nothing to do right now: resolve what waits for that, and wait for news."""
        working_set = self._core.working_set
        if self._core.stopping:
            if self._runner.suspended or self._commits.writing:
                await self._woken(None)
            return
        due = working_set.timers.next_due()
        if self._quiet(working_set) and (due is None or due > self._core.clock.now_ms()):
            self._resolve(self._settled_waiters)
            if not working_set.mailboxes.waiting:
                self._resolve(self._idle_waiters)
        times = [at for at in (working_set.next_due(), working_set.next_sweep) if at is not None]
        await self._woken(min(times, default=None))

    def _quiet(self, working_set: WorkingSet) -> bool:
        return (
            not self._commits.writing
            and working_set.epoch.empty
            and working_set.outbox.settled
            and not self._runner.suspended
            and all(source.exhausted for source in self._core.sources.values())
        )

    async def _woken(self, due: int | None) -> None:
        news = self._core.news
        if news.is_set():
            await asyncio.sleep(0)  # the wait below would return at once, and let no other task run
        cancel = self._core.clock.call_at(due, news.set) if due is not None else None
        await news.wait()
        news.clear()
        if cancel is not None:
            cancel()
