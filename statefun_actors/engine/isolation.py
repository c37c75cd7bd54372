"""Finding the message whose commit the store refuses: one cause an epoch, until a commit of one alone is refused.

A store that refuses a commit for good (:class:`~.store.CommitRefusedError`) would refuse it again after each recovery.
So once that has happened, the memory is built again from the store, and an epoch holds what one *cause* brings: one
message of the store that is run, one delayed message that is due, one read of a source, one submission from outside.
The cause whose commit is refused is given up: it becomes a dead letter with the reason, or, where somebody outside
waits for it, is refused there. Then epochs are grouped again.

Should the store refuse the dead letter as well, it is tried with its value cut, then the message is dropped with an
error in the log. A commit without any cause that is refused is no message's fault: the engine ends with the error.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, assert_never

import attrs
from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.engine.epoch import EpochLostError, Lost, NotStorableError
from statefun_actors.engine.ports import Source
from statefun_actors.engine.settling import message_given_up
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.model import LARGEST_VALUE, TypedValue
from statefun_actors.store import CommitRefusedError, DeadLetterEntry, EgressRecord, Message, Timer
from statefun_actors.text import describe_error, encodable

logger: Final = logging.getLogger("statefun_actors.engine")

_CUT: Final = 65_536
"""Bytes of a value that are kept where the store refuses the whole one."""
_MOST_TRIES: Final = 3
"""Commits in which a cause is given up: whole, cut, dropped; then it is no fault of the cause."""


@attrs.define(eq=False)
class Entry:
    """A submission from outside that waits for an epoch of its own.

    Args:
        enter: submits it.
        abandon: called instead of *enter* where the engine ends before that.
        message: what becomes a dead letter if the store refuses it; None = whoever submitted it is told.
    """

    enter: Callable[[], object]
    abandon: Callable[[EpochLostError], object] | None = None
    message: tuple[Address, TypedValue] | None = None


class IsolatedRun(Struct, frozen=True):
    """A message of the store was run."""

    message: Message


class FireTimer(Struct, frozen=True):
    """A delayed message became due."""

    timer: Timer


class Submitted(Struct, frozen=True):
    """A message that a source has read."""

    target: Address
    value: TypedValue
    delay_ms: int


class Emitted(Struct, frozen=True):
    """An egress record that a source has written about what it read."""

    egress: str
    value: TypedValue


class Read(Struct, frozen=True):
    """A source was read, which gave *received*."""

    source: str
    received: tuple[Submitted | Emitted, ...]


Cause: TypeAlias = IsolatedRun | FireTimer | Read | Entry


class Isolation:
    """Runs one cause an epoch while :attr:`active`.

    Args:
        sources: those of the engine.
        wake: the engine has something to do.
        wake_later: what sources may call from then on to wake the engine.
    """

    def __init__(self, sources: Mapping[str, Source], wake: Callable[[], None]) -> None:
        self.active = False
        self.entries: deque[Entry] = deque()
        self.fatal: CommitRefusedError | None = None
        """A refusal that is no message's fault."""
        self._sources, self._wake = sources, wake
        self._cause: Cause | None = None
        """What the open epoch, or the one being written, holds."""
        self._guilty: Cause | None = None
        """What the store has refused alone."""
        self._reason = ""
        self._tries = 0
        self._left = 0
        """Epochs after which the search ends without a result."""
        self._turn = asyncio.Event()
        self._waiting = 0
        """Handlers that have ended and wait until the open epoch is empty."""

    # --- what commits come to

    def refused(self, error: CommitRefusedError, steps: int) -> Lost:
        """A commit was refused, and *steps* messages were run in what is lost; what its submitters are told."""
        cause, self._cause = self._cause, None
        reason = describe_error(error)
        if not self.active:
            self.active = True
            self._guilty, self._tries, self._left = None, 0, 2 * steps + 100
            logger.error("the store refuses what a message brought; running the last ones one by one: %s", reason)
        elif cause is None or cause == self._guilty:
            self._tries += 1
            if cause is None or self._tries >= _MOST_TRIES:
                self.fatal = error
        elif isinstance(cause, Entry) and cause.message is None:
            self._left = 0  # it is found, and there is nothing of it in the store
            return NotStorableError(reason)
        else:
            self._guilty, self._reason, self._tries = cause, reason, 0
        return EpochLostError(reason, again=True)

    def durable(self) -> None:
        """The commit of the last cause has succeeded."""
        cause, self._cause = self._cause, None
        if cause is not None and cause == self._guilty:
            self._end()
        elif self._left <= 0:
            logger.error("no message was found whose commit alone the store refuses; grouping them again")
            self._end()
        self._left -= 1

    def recovered(self) -> None:
        """The memory has been built again."""
        if self.active and self._left <= 0:
            self._end()

    def _end(self) -> None:
        """Epochs are grouped again."""
        self.active, self._guilty = False, None
        self.next_turn()
        self._wake()

    # --- turns

    def next_turn(self) -> bool:
        """Whoever waits for a turn looks again whether it has come; whether anybody does."""
        self._turn.set()
        self._turn = asyncio.Event()
        return self._waiting > 0

    async def turn(self) -> None:
        """Return once it may be the caller's turn."""
        self._waiting += 1
        try:
            await self._turn.wait()
        finally:
            self._waiting -= 1

    def begin_turn(self) -> None:
        """The open epoch is empty: nobody has entered it."""
        self._cause = None

    def nothing_left(self) -> None:
        """All there was to run has been run, and no commit was refused."""
        self._end()

    def ran(self, message: Message) -> None:
        """*message*, of the store, is what the open epoch holds."""
        self._cause = IsolatedRun(message)

    def give_up_guilty(self, memory: WorkingSet, now_ms: int) -> bool:
        """Give up the message that was found, where it is one of the store; whether it was."""
        guilty = self._guilty
        if isinstance(guilty, IsolatedRun):
            message = guilty.message
            if not memory.mailboxes.drop_first(message):
                return False
            memory.epoch.consume(message.seq)
            self._bury(memory, message, now_ms)
        elif isinstance(guilty, Entry) and guilty.message is not None:
            self._bury(memory, Message(memory.seq(), *guilty.message), now_ms)
        else:
            return False
        self._cause = guilty
        return True

    def enter(self, memory: WorkingSet) -> bool:
        """Let the next submission from outside into the open epoch; whether there was one."""
        if not self.entries:
            return False
        self._cause = entry = self.entries.popleft()
        memory.direct = True
        try:
            entry.enter()
        finally:
            memory.direct = False
        return True

    def fire(self, memory: WorkingSet, now_ms: int) -> bool:
        """Let one delayed message that is due into the open epoch; whether there was one."""
        for timer in memory.timers.take_due(now_ms, memory.epoch):
            self._cause = FireTimer(timer)
            if self._cause == self._guilty:
                self._bury(memory, Message(timer.seq, timer.target, timer.value, timer.caller), now_ms)
            else:
                memory.send(timer.target, timer.value, timer.caller)
                memory.epoch.counters.timers_fired += 1
            return True
        return False

    def read(self, memory: WorkingSet, now_ms: int) -> bool:
        """Let what one source gives next into the open epoch; whether there was anything."""
        for name, source in self._sources.items():
            if source.exhausted:
                continue
            recorder = _Recorder(self._wake)
            position = source.read(1, recorder)
            if position is None:
                continue
            memory.epoch.positions[f"source:{name}"] = position
            memory.epoch.on_end += recorder.on_end
            self._cause = cause = Read(name, tuple(recorder.received))
            if cause == self._guilty:
                self._bury_read(memory, cause, now_ms)
            else:
                _take_in(memory, cause, now_ms)
            return True
        return False

    def enter_all(self, memory: WorkingSet) -> None:
        """After the search: let all submissions that have waited into the open epoch."""
        memory.direct = True
        while self.entries:
            self.entries.popleft().enter()

    def abandon(self, reason: str) -> None:
        """The engine ends: tell those whose submissions have not entered."""
        entries, self.entries = self.entries, deque()
        for entry in entries:
            if entry.abandon is not None:
                entry.abandon(EpochLostError(reason))

    # --- giving up

    def _bury_read(self, memory: WorkingSet, cause: Read, now_ms: int) -> None:
        for received in cause.received:
            match received:
                case Submitted(target, value):
                    self._bury(memory, Message(memory.seq(), target, value), now_ms)
                case Emitted(egress):
                    logger.error("a record of the source %s for the egress %s is dropped", cause.source, egress)
                case _:
                    assert_never(received)

    def _bury(self, memory: WorkingSet, message: Message, now_ms: int) -> None:
        """Make *message* a dead letter, with as much of it as the store takes."""
        error = NotStorableError(self._reason)
        target = Address(encodable(message.target.typename), encodable(message.target.id))
        typename, value = encodable(message.value.typename), message.value.value
        text = describe_error(error)
        if self._tries or len(value) > LARGEST_VALUE:
            text = f"{text} (The first {_CUT:,} of its {len(value):,} bytes are kept.)"
            value = value[:_CUT]
        if self._tries < _MOST_TRIES - 1:
            letter = Message(message.seq, target, TypedValue(typename, value), message.caller)
            memory.epoch.dead_letters.append(
                DeadLetterEntry(memory.seq(), letter, type(error).__name__, text, 1, now_ms)
            )
            memory.epoch.counters.dead_letters += 1
            logger.error("%s: dead letter of type %s: %s", target, typename, text)
        else:
            memory.epoch.counters.discarded += 1
            logger.error("%s: a message of type %s is dropped, not even its dead letter: %s", target, typename, text)
        message_given_up(memory, message, error)


class _Recorder:
    """Takes what a source reads, for a look at it before it enters."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self.wake = wake
        self.received: list[Submitted | Emitted] = []
        self.on_end: list[Callable[[Lost | None], object]] = []

    def submit(self, target: Address, value: TypedValue, *, delay_ms: int = 0) -> None:
        self.received.append(Submitted(target, value, delay_ms))

    def emit(self, egress: str, value: TypedValue) -> None:
        self.received.append(Emitted(egress, value))

    def when_durable(self, tell: Callable[[Lost | None], object]) -> None:
        self.on_end.append(tell)


def _take_in(memory: WorkingSet, cause: Read, now_ms: int) -> None:
    for received in cause.received:
        match received:
            case Submitted(target, value, delay_ms):
                if delay_ms > 0:
                    memory.post_later(now_ms + delay_ms, target, value, None, None)
                else:
                    memory.post(target, value, None)
            case Emitted(egress, value):
                memory.epoch.egress.append(EgressRecord(memory.seq(), egress, value))
            case _:
                assert_never(received)
