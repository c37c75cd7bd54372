"""Finds the message whose commit the store refuses: runs one cause per epoch, until the commit of one is refused.

A store that refuses a commit permanently (:class:`~.store.CommitRefusedError`) would refuse it again after each
recovery. So the working set is rebuilt from the store, and each epoch contains only one *cause*: one message of the
store, one delayed message that is due, one read of a source, or one entry from outside. The cause whose commit is
refused is given up: it becomes a dead letter with the reason, or, if it is an entry, its caller gets the error. Then
epochs contain many causes again.

If the store refuses the dead letter as well, the engine retries it with a truncated value, then drops the message and
logs an error. If a commit without any cause is refused, the engine ends with the error.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import attrs
from msgspec import Struct

from statefun_actors.engine.burying import MOST_TRIES, bury_read, bury_refused
from statefun_actors.engine.epoch import EpochLostError, Lost, NotStorableError
from statefun_actors.engine.inboxes import OpenInbox, Received, RecordingInbox
from statefun_actors.engine.ports import Source
from statefun_actors.engine.source_turns import SourceTurns
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.own_logger import own_logger
from statefun_actors.partitions import is_between_partitions
from statefun_actors.store import CommitRefusedError, Message, Timer
from statefun_actors.text import describe_error

logger: Final = own_logger("statefun_actors.engine")

_SOURCE_SECONDS: Final = 30.0
"""Seconds after a refused commit in which the search waits for sources: one that reads over a network connects again
first, and has nothing to read meanwhile."""


@attrs.define(eq=False)
class Entry:
    """An entry from outside that waits for an epoch of its own.

    Args:
        enter: adds it to the open epoch.
        abandon: called instead of *enter* if the engine ends before that.
    """

    enter: Callable[[], object]
    abandon: Callable[[EpochLostError], object]


class IsolatedRun(Struct, frozen=True):
    """A message of the store that was run."""

    message: Message


class FireTimer(Struct, frozen=True):
    """A delayed message that became due."""

    timer: Timer


class Read(Struct, frozen=True):
    """A read of a source, with the messages *received*."""

    source: str
    received: tuple[Received, ...]


Cause: TypeAlias = IsolatedRun | FireTimer | Read | Entry


class Isolation:
    """Runs one cause per epoch while :attr:`active`.

    Args:
        sources: the sources of the engine.
        now_ms: returns the time.
        wake: wakes the engine.
    """

    def __init__(self, sources: Mapping[str, Source], now_ms: Callable[[], int], wake: Callable[[], None]) -> None:
        self.active = False
        self.entries: deque[Entry] = deque()
        self.fatal: CommitRefusedError | None = None
        """A refusal that no message caused."""
        self._sources, self._now_ms, self._wake = sources, now_ms, wake
        self._cause: Cause | None = None
        """The cause in the open epoch, or in the one being written."""
        self._guilty: Cause | None = None
        """The cause whose commit the store has refused."""
        self._reason = ""
        self._tries = 0
        self._left = self._most = 0
        """The number of epochs after which the search ends without a result: now, and at its begin."""
        self._found = False
        """Whether the cause is found, and none of it is in the store."""
        self._first = 0
        """The kind of cause that is looked for first, in turn: constant traffic of one must not keep out the others."""
        self._source_turns = SourceTurns()
        self._turn = asyncio.Event()
        self._waiting = 0
        """Ended handlers that wait until the open epoch is empty."""
        self._sources_until = 0.0
        """The time of the event loop until which a source may deliver the cause again."""

    # --- ends of commits

    def refused(self, error: CommitRefusedError, steps: int) -> Lost:
        """A commit of *steps* messages was refused. Returns the reason, for their callers."""
        cause, self._cause = self._cause, None
        reason = describe_error(error)
        if not self.active:
            self.active = True
            self._guilty, self._tries, self._found = None, 0, False
            self._left = self._most = 2 * steps + 100
            logger.error(
                "the store refused a commit; its messages run again, one per commit, to find the cause: %s", reason
            )
        elif cause is None or cause == self._guilty:
            self._tries += 1
            if cause is None or self._tries >= MOST_TRIES:
                self.fatal = error
        elif isinstance(cause, Entry):
            self._found = True
            return NotStorableError(reason)
        else:
            self._guilty, self._reason, self._tries, self._left = cause, reason, 0, self._most
        return EpochLostError(reason, again=True)

    def durable(self) -> None:
        """The commit of the last cause has succeeded."""
        cause, self._cause = self._cause, None
        if cause is not None and cause == self._guilty:
            self._end()
        elif self._left <= 0 and not self._waits_for_sources():
            self.end_without_cause()
        self._left -= 1

    def recovered(self) -> None:
        """The working set was rebuilt, and the sources have resumed."""
        if self.active and self._found:
            self._end()
        elif self.active and self._unread():
            loop = asyncio.get_running_loop()
            self._sources_until = loop.time() + _SOURCE_SECONDS
            loop.call_later(_SOURCE_SECONDS, self._wake)

    def _end(self) -> None:
        """End the search: epochs contain many causes again."""
        self.active, self._guilty = False, None
        self.next_turn()
        self._wake()

    # --- turns

    def next_turn(self) -> bool:
        """Wake the handlers that wait for their turn, to check for it again. Returns whether any waits."""
        self._turn.set()
        self._turn = asyncio.Event()
        return self._waiting > 0

    async def turn(self) -> None:
        """Wait until it may be the caller's turn."""
        self._waiting += 1
        try:
            await self._turn.wait()
        finally:
            self._waiting -= 1

    def may_be_read(self) -> bool:
        """Whether a source may still deliver the cause, although it has nothing to read now."""
        return self._waits_for_sources() and self._unread()

    def _waits_for_sources(self) -> bool:
        return asyncio.get_running_loop().time() < self._sources_until

    def _unread(self) -> bool:
        """Whether a source has more to read. A link between partitions keeps what it has read: it need not connect."""
        return any(not source.exhausted for name, source in self._sources.items() if not is_between_partitions(name))

    def end_without_cause(self) -> None:
        """End the search: the commits of single causes were not refused."""
        logger.error(
            "the search for the refused message found none: each message was stored alone. Messages share commits "
            "again; if this repeats, report it with the log"
        )
        self._end()

    def ran(self, message: Message) -> None:
        """Set *message*, of the store, as the cause in the open epoch."""
        self._cause = IsolatedRun(message)

    def begin_cause(
        self, working_set: WorkingSet, take: Callable[[], bool], readable: Mapping[str, Source], now_ms: int
    ) -> bool:
        """Add the next cause to the open epoch, which is empty; return whether there was one.

        Args:
            working_set: has the open epoch.
            take: runs one message of the store, and returns whether there was one.
            readable: the sources that may be read.
            now_ms: the time.
        """
        self._cause = None
        if self._give_up_guilty(working_set, now_ms):
            return True
        kinds: tuple[Callable[[], bool], ...] = (
            lambda: self._enter(working_set),
            take,
            lambda: self._fire(working_set, now_ms),
            lambda: self._read(working_set, readable, now_ms),
        )
        self._first = first = (self._first + 1) % len(kinds)
        return any(add() for add in (*kinds[first:], *kinds[:first]))

    def _give_up_guilty(self, working_set: WorkingSet, now_ms: int) -> bool:
        """Give up the refused cause, if it is a message of the store; return whether it was."""
        guilty = self._guilty
        if isinstance(guilty, IsolatedRun):
            message = guilty.message
            if not working_set.mailboxes.drop_first(message):
                return False
            working_set.epoch.consume(message.seq)
            bury_refused(working_set, message, self._reason, self._tries, now_ms)
            self._cause = guilty
            return True
        return False

    def _enter(self, working_set: WorkingSet) -> bool:
        """Add the next entry from outside to the open epoch; return whether there was one."""
        if not self.entries:
            return False
        self._cause = entry = self.entries.popleft()
        working_set.direct = True
        try:
            entry.enter()
        finally:
            working_set.direct = False
        return True

    def _fire(self, working_set: WorkingSet, now_ms: int) -> bool:
        """Add one delayed message that is due to the open epoch; return whether there was one."""
        for timer in working_set.timers.take_due(now_ms, working_set.epoch):
            self._cause = FireTimer(timer)
            if self._cause == self._guilty:
                message = Message(timer.seq, timer.target, timer.value, timer.caller, timer.headers)
                bury_refused(working_set, message, self._reason, self._tries, now_ms)
            else:
                working_set.deliver(timer)
            return True
        return False

    def _read(self, working_set: WorkingSet, readable: Mapping[str, Source], now_ms: int) -> bool:
        """Add the next read of one source to the open epoch; return whether there was any message."""
        for name, source in self._source_turns.order(readable):
            if source.exhausted:
                continue
            recorder = RecordingInbox(self._wake)
            position = source.read(1, recorder)
            if position is None:
                continue
            self._source_turns.read(name)
            working_set.epoch.positions[f"source:{name}"] = position
            working_set.epoch.on_end += recorder.on_end
            self._cause = cause = Read(name, tuple(recorder.received))
            if cause == self._guilty:
                bury_read(working_set, name, cause.received, self._reason, self._tries, now_ms)
            else:
                working_set.reading = source
                recorder.move(OpenInbox(working_set, self._now_ms, self._wake))
                working_set.reading = None
            return True
        return False

    def enter_all(self, working_set: WorkingSet) -> None:
        """After the search: add all waiting entries to the open epoch."""
        working_set.direct = True
        while self.entries:
            self.entries.popleft().enter()

    def abandon(self, reason: str) -> None:
        """The engine ends: give up the waiting entries."""
        entries, self.entries = self.entries, deque()
        for entry in entries:
            entry.abandon(EpochLostError(reason))
