"""``Loop``: the main loop of the engine: slices of steps, commits when they are due, waits when nothing is left to do.

All failures are handled in one way. A failed batch changes nothing, since only a complete outcome is merged. A failed
commit, like a crash, loses the whole working set, which is rebuilt from the store. A suspended handler has no outcome
until it ends: until then its messages count as waiting.
"""

from __future__ import annotations

import asyncio
import functools
import time
from typing import Final

from statefun_actors.engine.core import Core
from statefun_actors.engine.epoch import EpochLostError
from statefun_actors.engine.inboxes import OpenInbox
from statefun_actors.engine.resting import RestWaiters
from statefun_actors.engine.room import room_for_source, room_for_timers
from statefun_actors.engine.runner import Runner
from statefun_actors.engine.source_turns import SourceTurns
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.own_logger import own_logger
from statefun_actors.store import StoreError

logger: Final = own_logger("statefun_actors.engine")


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
        self._turns = SourceTurns()
        self._drain_until = 0.0
        self.waiters = RestWaiters(core.news.set)

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
                    continue  # records that were just written must still be marked
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
        """The engine has ended: answer all callers, and resolve all other waits for the engine."""
        self.waiters.ended = self._core.stopping = True
        working_set = self._core.working_set
        working_set.callers.interrupt()
        if not (self._commits.writing or working_set.lost):
            self._commits.report_lost(working_set, EpochLostError(reason))
        self._isolation.abandon(reason)
        self.waiters.release()

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

    @property
    def at_rest(self) -> bool:
        """See :meth:`Engine.at_rest`."""
        working_set = self._core.working_set
        if self._core.stopping or working_set.lost or working_set.mailboxes.ready or self._runner.more:
            return False
        return self._quiet(working_set) and not self._is_due(working_set)

    # --- slices

    async def _slice(self) -> bool:
        """Run some steps; return whether there is more to do right away."""
        core, commits = self._core, self._commits
        working_set, options = core.working_set, core.options
        now = core.clock.now_ms()
        working_set.mailboxes.end_waits(now)
        working_set.sweep(now)
        if working_set.entering.left:
            working_set.entering.next_part()
        working_set.mailboxes.relieve()
        if not core.stopping:
            due = working_set.timers.next_due()
            if due is not None and due <= now:
                working_set.fire(now, room_for_timers(core))
            self._read_sources(working_set)
        if working_set.mailboxes.ready and working_set.epoch.steps >= options.epoch_steps and commits.writing:
            # The open epoch is full, and the one before it is still being written: wait for it.
            await commits.ended()
            if working_set.lost:
                return True
        if not core.stopping:
            self._runner.take(working_set)
        if working_set.entering.left:
            return True  # their epoch stays open
        if working_set.epoch.empty:
            # All batches begun in it are still suspended: it has nothing to write, and does not count as full.
            working_set.epoch.steps = 0
            if not commits.writing:
                # An epoch without changes can't be lost.
                commits.count(working_set.epoch, working_set.mailboxes)
        elif not commits.writing:
            if core.stopping or working_set.epoch.steps >= options.epoch_steps:
                commits.begin(working_set)
            elif not working_set.mailboxes.ready:  # an idle engine commits at once, a busy one groups
                if commits.more_to_come(working_set):
                    return True
                commits.begin(working_set)
        if working_set.lost:
            return True
        mailboxes = working_set.mailboxes
        return (bool(mailboxes.ready) or self._runner.more or mailboxes.paused.resuming) and not core.stopping

    def _may_enter(self, working_set: WorkingSet) -> bool:
        return working_set.epoch.empty and not self._commits.writing

    async def _isolated_slice(self) -> bool:
        """Run one cause, and commit it; return whether there is more to do right away."""
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
        take = functools.partial(self._runner.take_one, working_set)
        if isolation.begin_cause(working_set, take, core.readable, now):
            return True
        if self._runner.suspended or isolation.may_be_read():
            return False
        isolation.end_without_cause()
        self._leave_isolation()
        return True

    def _leave_isolation(self) -> None:
        """Add the waiting entries, after the search has ended."""
        if not self._isolation.active:
            self._isolation.enter_all(self._core.working_set)

    def _read_sources(self, working_set: WorkingSet) -> None:
        core = self._core
        if not core.sources or not (readable := core.readable):
            return
        inbox = OpenInbox(working_set, core.clock.now_ms, core.news.set)
        for name, source in self._turns.order(readable):
            if source.exhausted:
                continue
            room = room_for_source(core)
            if room <= 0:
                continue
            working_set.reading = source
            try:
                position = source.read(room, inbox)
            finally:
                working_set.reading = None
            if position is not None:
                self._turns.read(name)
                working_set.epoch.positions[f"source:{name}"] = position
                core.news.set()

    async def _begin_again(self) -> None:
        """The store failed: drop the working set, and rebuild it from the store."""
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
        """Nothing is left to do right now: resolve the waits for that, and wait for news."""
        working_set = self._core.working_set
        if self._core.stopping:
            if self._runner.suspended or self._commits.writing:
                await self._woken(None)
            return
        if self._quiet(working_set) and not self._is_due(working_set):
            self.waiters.at_rest()
            if self.waiters.for_idle and working_set.mailboxes.waiting == working_set.mailboxes.paused.messages:
                self.waiters.idle_now()
        sweep = None if self._isolation.active else working_set.expiring.next_ms  # the search does not sweep
        times = [at for at in (working_set.next_due(), sweep) if at is not None]
        await self._woken(min(times, default=None))

    def _is_due(self, working_set: WorkingSet) -> bool:
        due = working_set.timers.next_due()
        return due is not None and due <= self._core.clock.now_ms()

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
            await asyncio.sleep(0)  # the wait below would return at once, without giving other tasks a turn
        cancel = self._core.clock.call_at(due, news.set) if due is not None else None
        await news.wait()
        news.clear()
        if cancel is not None:
            cancel()
