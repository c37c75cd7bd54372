"""Memory stores that note each commit, and those around whose commits the process ends."""

from __future__ import annotations

from collections.abc import Callable

from statefun_actors.store import Commit, MemoryStore, StoreError
from statefun_actors.testing.faults.fault_clock import FaultClock, jump_text
from statefun_actors.testing.faults.hostility import Hostility
from statefun_actors.testing.faults.log import MessageLog


class LoggedStore(MemoryStore):
    """A store that notes in its log what each commit changes. :meth:`note_in` says where."""

    _log: MessageLog | None = None
    _now_ms: Callable[[], int]

    def note_in(self, log: MessageLog, now_ms: Callable[[], int]) -> None:
        """Note the commits from now on in *log*, with the time that *now_ms* gives."""
        self._log, self._now_ms = log, now_ms

    async def commit(self, commit: Commit) -> None:
        log = self._log
        if log is None:
            await super().commit(commit)
            return
        before = self.load([row.address for row in commit.entities])
        await super().commit(commit)
        now_ms = self._now_ms()
        for row, packed in zip(commit.entities, before, strict=True):
            log.changed(now_ms, row, packed)
        for record in commit.egress:
            log.sent_out(now_ms, record)


class FaultStore(LoggedStore):
    """A store around whose commits the process ends, as *hostility* decides.

    The engine sees a commit that fails. It drops all that it holds in memory and begins anew from what is stored, as
    a process does that was killed.
    """

    def __init__(self, hostility: Hostility, clock: FaultClock) -> None:
        super().__init__()
        self._hostility, self._clock = hostility, clock

    async def commit(self, commit: Commit) -> None:
        where = self._hostility.kill() if _changes(commit) else None
        if where != "before":
            await super().commit(commit)
        if where is None:
            return
        if self._log is not None:
            self._log.fault(self._clock.now_ms(), f"killed {where} a commit, and started again from the store")
        if jump := self._hostility.jump_ms():
            self._clock.set_ms(self._clock.now_ms() + jump)
            if self._log is not None:
                self._log.fault(self._clock.now_ms(), jump_text(jump))
        self._clock.restarts += 1
        raise StoreError("of this simulation", f"the process was killed {where} a commit")


def _changes(commit: Commit) -> bool:
    """Whether *commit* is an epoch. The one with which an engine tries whether the store works is not."""
    return any(
        (
            commit.entities,
            commit.messages,
            commit.messages_done,
            commit.timers,
            commit.timers_done,
            commit.egress,
            commit.dead_letters,
            commit.requests,
        )
    )
