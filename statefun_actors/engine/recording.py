"""Records the history of entities: hands what a batch did, by reference, to the open epoch, which packs it when sealed.

An engine without a history has a plain :class:`~.merge.Merge` and unchanged methods, so it pays nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from statefun_actors.address import Address
from statefun_actors.engine.epoch import Epoch
from statefun_actors.engine.mailbox import ErrorText, Mailbox
from statefun_actors.engine.merge import Merge
from statefun_actors.engine.options import EngineOptions
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.history import (
    KEEP,
    Failure,
    Kind,
    Recorded,
    Recorder,
    Step,
    discarded_step,
    dropped_step,
    type_address,
    without_large,
)
from statefun_actors.model import Done, Effect, Send, TypedValue
from statefun_actors.store import DeadLetterEntry, EntityRecord, Message, Pauses, Store

_HANDLED: Final = Kind.HANDLED  # CPython 3.11 takes long to look up a member


def record_history(working_set: WorkingSet, store: Store, options: EngineOptions, now_ms: Callable[[], int]) -> None:
    """Pack the history of each epoch of *working_set*, and note when batches begin and what is paused."""
    recorder = Recorder(store, options.history, now_ms)
    mailboxes, set_pauses = working_set.mailboxes, working_set.pause
    take = mailboxes.take

    def taken(mailbox: Mailbox, most: int) -> list[Message]:
        mailbox.began = time.perf_counter()
        return take(mailbox, most)

    def pause(pauses: Pauses) -> None:
        before, at_ms = mailboxes.paused.pauses, now_ms()
        for kind, targets in (
            (Kind.PAUSED, pauses.keys() - before.keys()),
            (Kind.RESUMED, before.keys() - pauses.keys()),
        ):
            for target in targets:
                address = type_address(target) if isinstance(target, str) else target
                working_set.epoch.history.append(Step(address, at_ms, kind))
        set_pauses(pauses)

    def packed(sealed: Epoch) -> Recorded | None:
        full = sealed.steps >= options.epoch_steps
        return recorder.seal(sealed.history, sealed.removed, full=full)

    mailboxes.take = taken  # type: ignore[method-assign] # so that an engine without a history pays nothing
    working_set.pause = pause  # type: ignore[method-assign]
    working_set.record_history = packed
    keep = str(options.history)
    if store.recover().positions.get(KEEP) != keep:
        working_set.epoch.positions[KEEP] = keep


class RecordingMerge(Merge):
    """A :class:`~.merge.Merge` that adds what it applies to the history of the open epoch."""

    _effects: list[tuple[Effect, int]]
    """Those of the batch that is being merged, each with its seq."""

    def done(self, working_set: WorkingSet, mailbox: Mailbox, record: EntityRecord, done: Done, now_ms: int) -> None:
        messages, address, began, state = mailbox.running, mailbox.address, mailbox.began, record.state
        changes = [(name, state.get(name), value) for name, value in done.changes.items()] if done.changes else ()
        failures = _failures(mailbox, done) if mailbox.attempts or done.failures else ()
        effects: list[tuple[Effect, int]] = []
        self._effects = effects
        Merge.done(self, working_set, mailbox, record, done, now_ms)  # super() is slow in CPython 3.11
        seconds, mailbox.began = time.perf_counter() - began, 0.0
        step = Step(address, now_ms, _HANDLED, seconds, messages, done.marks, changes, effects, failures)
        working_set.epoch.history.append(without_large(step))

    def _apply(self, working_set: WorkingSet, effect: Effect, sender: Address, now_ms: int) -> bool:
        seq = working_set.next_seq
        added = Merge._apply(self, working_set, effect, sender, now_ms)  # noqa: SLF001 - as above
        numbered = added and working_set.next_seq > seq
        if numbered and isinstance(effect, Send) and working_set.is_elsewhere(effect.target):
            numbered = False  # the number is that of its record on the way, not of the message
        self._effects.append((effect, seq if numbered else 0))
        return added

    def _give_up(self, working_set: WorkingSet, mailbox: Mailbox, error: BaseException, now_ms: int) -> None:
        message, failure = mailbox.queue[0], _failure(0, mailbox.attempts + 1, ErrorText.of(error), "dead letter")
        super()._give_up(working_set, mailbox, error, now_ms)
        seconds = time.perf_counter() - mailbox.began if mailbox.began else 0.0
        mailbox.began = 0.0
        working_set.epoch.history.append(
            without_large(Step(message.target, now_ms, Kind.GIVEN_UP, seconds, (message,), failures=(failure,)))
        )

    def drop(self, working_set: WorkingSet, mailbox: Mailbox, now_ms: int, *, discard: bool) -> None:
        message, error, attempts = mailbox.queue[0], mailbox.error, mailbox.attempts
        mailbox.began = 0.0
        super().drop(working_set, mailbox, now_ms, discard=discard)
        assert error is not None  # it keeps failing
        step = dropped_step(
            message, now_ms, discard=discard, attempts=attempts, error_type=error.error_type, error=error.error
        )
        working_set.epoch.history.append(without_large(step))

    def discard(self, working_set: WorkingSet, seq: int, now_ms: int) -> DeadLetterEntry:
        letter = super().discard(working_set, seq, now_ms)
        working_set.epoch.history.append(without_large(discarded_step(letter, now_ms)))
        return letter

    def set_state(
        self,
        working_set: WorkingSet,
        address: Address,
        record: EntityRecord,
        name: str,
        value: TypedValue | None,
        now_ms: int,
    ) -> None:
        before = record.state.get(name)
        super().set_state(working_set, address, record, name, value, now_ms)
        step = Step(address, now_ms, Kind.EDITED, changes=((name, before, value),))
        working_set.epoch.history.append(without_large(step))


def _failures(mailbox: Mailbox, done: Done) -> list[Failure]:
    """The errors of the messages of a batch, which ran after all or which their policies settled."""
    failures = [
        _failure(each.index, each.attempts, ErrorText.of(each.error), each.settlement.value) for each in done.failures
    ]
    if mailbox.attempts and mailbox.error is not None:
        failures.insert(0, _failure(0, mailbox.attempts + 1, mailbox.error, ""))
    return failures


def _failure(index: int, attempts: int, error: ErrorText, settlement: str) -> Failure:
    return Failure(index, attempts, error.error_type, error.error, settlement)
