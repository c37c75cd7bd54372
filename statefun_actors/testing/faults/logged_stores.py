"""Memory stores that log each commit, and those that simulate the end of the process around commits."""

from __future__ import annotations

from collections.abc import Callable

from statefun_actors.store import Commit, MemoryStore, StoreError
from statefun_actors.testing.faults.fault_clock import FaultClock, jump_text
from statefun_actors.testing.faults.hostility import Hostility
from statefun_actors.testing.faults.log import MessageLog


class LoggedStore(MemoryStore):
    """A store that logs the changes of each commit; :meth:`note_in` sets the log."""

    _log: MessageLog | None = None
    _now_ms: Callable[[], int]

    def note_in(self, log: MessageLog, now_ms: Callable[[], int]) -> None:
        """Record all further commits in *log*, with the time of *now_ms*."""
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
    """A store that simulates failed commits, and the end of the process before or after commits.

    For the engine, each such commit fails. It drops its working set and rebuilds it from the store, like a process that
    was killed and restarted.

    Args:
        hostility: decides it.
        clock: virtual time.
        found_egress: called before the first commit of a record of an egress, with its name.
    """

    def __init__(self, hostility: Hostility, clock: FaultClock, found_egress: Callable[[str], None]) -> None:
        super().__init__()
        self._hostility, self._clock, self._found_egress = hostility, clock, found_egress
        self._failures = 0
        """How often it still refuses the commit by which the engine probes it."""
        self.sent_out: dict[str, list[int]] = {}
        """The seqs of all committed records, by egress."""
        self.positions: dict[str, str] = {}
        """The committed positions of sinks."""

    async def commit(self, commit: Commit) -> None:
        if self._failures and not _changes(commit):
            self._failures -= 1
            self._clock.restarts += 1
            raise StoreError("of this simulation", "it still fails")
        where = self._hostility.kill() if _changes(commit) else None
        if where is None or where == "after":
            await self._store(commit)
        if where is None:
            return
        if where == "failed":
            self._failures = self._hostility.more_failures()
            what = "a commit failed"
            self._note(f"{what}, and the engine started again from the store")
        else:
            what = f"the process was killed {where} a commit"
            self._note(f"killed {where} a commit, and started again from the store")
        if jump := self._hostility.jump_ms():
            self._clock.set_ms(self._clock.now_ms() + jump)
            self._note(jump_text(jump))
        self._clock.restarts += 1
        raise StoreError("of this simulation", what)

    async def _store(self, commit: Commit) -> None:
        for record in commit.egress:
            if record.egress not in self.sent_out:
                self._found_egress(record.egress)
            self.sent_out.setdefault(record.egress, []).append(record.seq)
        await super().commit(commit)
        self.positions.update(commit.positions)

    def _note(self, text: str) -> None:
        if self._log is not None:
            self._log.fault(self._clock.now_ms(), text)


def _changes(commit: Commit) -> bool:
    """Whether *commit* changes something. The one by which an engine probes the store does not."""
    return any(
        (
            commit.entities,
            commit.messages,
            commit.messages_done,
            commit.timers,
            commit.timers_done,
            commit.egress,
            commit.egress_done,
            commit.dead_letters,
            commit.requests,
        )
    )
