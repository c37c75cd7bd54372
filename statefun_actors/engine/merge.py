"""``Merge``: applies an outcome: merge into the open epoch, requeue, back off, or dead-letter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias, assert_never

from statefun_actors.address import Address
from statefun_actors.asking import REPLY
from statefun_actors.dispatch import Application, is_terminal
from statefun_actors.engine.call import given_up_with
from statefun_actors.engine.inline_reply import InlineReply
from statefun_actors.engine.mailbox import ErrorText, Mailbox
from statefun_actors.engine.served_states import ServedStates
from statefun_actors.engine.settling import message_given_up, message_handled
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.ingress import GivenUp
from statefun_actors.model import (
    Cancel,
    Done,
    Effect,
    Egress,
    Failed,
    MessageFailure,
    Send,
    SendAfter,
    Settlement,
    TypedValue,
)
from statefun_actors.own_logger import own_logger
from statefun_actors.store import DeadLetterEntry, EgressRecord, EntityRecord, Message, change
from statefun_actors.text import describe, loggable

logger: Final = own_logger("statefun_actors.engine")


OnFailure: TypeAlias = Callable[[Address, BaseException], None]


class Merge:
    """Applies the outcomes of batches of *app* to a working set."""

    def __init__(self, app: Application, shape: ServedStates, on_failure: OnFailure | None = None) -> None:
        self._shape, self._on_failure = shape, on_failure
        self._reply = InlineReply(app)

    def done(self, working_set: WorkingSet, mailbox: Mailbox, record: EntityRecord, done: Done, now_ms: int) -> None:
        """The batch in flight has run on *record*: add its changes and effects to the open epoch."""
        messages, address, epoch = mailbox.running, mailbox.address, working_set.epoch
        record.running = False
        if done.changes or address[0] in self._shape.expiring_after_call:
            change(record, done.changes, now_ms, expires=address[0] in self._shape.expiring)
            record.epoch = epoch.number
            epoch.entities[address] = record
        for message in messages:
            epoch.consume(message.seq)
        for effect in done.effects:
            self._apply(working_set, effect, address, now_ms)
        errors = self._set_back(working_set, messages, done.failures, now_ms) if done.failures else None
        for index, message in enumerate(messages):
            if message.caller is not None:
                message_handled(working_set, message, done, index, None if errors is None else errors.get(index))
        epoch.counters.handled += len(messages)
        working_set.mailboxes.dealt_with(mailbox, messages)

    def set_state(
        self,
        working_set: WorkingSet,
        address: Address,
        record: EntityRecord,
        name: str,
        value: TypedValue | None,
        now_ms: int,
    ) -> None:
        """An operator has set one state of *record*, of *address*, of which no batch is in flight."""
        change(record, {name: value}, now_ms, expires=address[0] in self._shape.expiring)
        working_set.changed(address, record)

    def _set_back(
        self, working_set: WorkingSet, messages: Sequence[Message], failures: Sequence[MessageFailure], now_ms: int
    ) -> Mapping[int, BaseException]:
        """The errors of messages that a policy gave up, by index."""
        for failure in failures:
            if failure.settlement is Settlement.DISCARDED:
                working_set.epoch.counters.discarded += 1
            else:
                error = ErrorText.of(failure.error)
                self._bury(working_set, messages[failure.index], error, failure.attempts, now_ms)
            working_set.callers.given_up(
                messages[failure.index].caller, given_up_with(failure.error), working_set.epoch
            )
        return {failure.index: failure.error for failure in failures}

    def _apply(self, working_set: WorkingSet, effect: Effect, sender: Address, now_ms: int) -> bool:
        """Add *effect*; return whether it was added itself, and not handled here with what followed from it."""
        match effect:
            case Send():  # patterns with fields would look each up by its name
                target = effect.target
                if target[0] == REPLY and self._reply.take(working_set, effect, sender, now_ms):
                    return False
                working_set.send(target, effect.value, sender, effect.headers)
            case SendAfter():
                due_ms = now_ms + effect.delay_ms
                working_set.post_later(due_ms, effect.target, effect.value, sender, effect.token, effect.headers)
            case Cancel():
                working_set.timers.cancel(sender, effect.token, working_set.epoch)
            case Egress():
                record = EgressRecord(working_set.seq(), effect.egress, effect.value, effect.headers)
                working_set.epoch.egress.append(record)
            case _:
                assert_never(effect)
        return True

    def failed(self, working_set: WorkingSet, mailbox: Mailbox, failed: Failed, now_ms: int) -> None:
        """The batch in flight failed: requeue its messages, back off, or dead-letter the one at fault.

        Several messages run again, each in a batch of its own, so that those before the failing one are handled. The
        failing one is retried alone after a backoff, and the ones behind it wait; it is dead-lettered if no retry can
        help.
        """
        self.give_back(working_set, mailbox, run=False)
        count, error = len(mailbox.running), failed.error
        mailbox.put_back()
        if count > 1 and failed.index != 0 and isinstance(error, Exception):
            mailbox.one_by_one = count
            if failed.index is not None and not is_terminal(error):
                mailbox.suspect = mailbox.queue[failed.index].seq
            working_set.mailboxes.again(mailbox)
            return
        if mailbox.suspect == mailbox.queue[0].seq:
            mailbox.attempts, mailbox.suspect = mailbox.attempts + 1, 0
        if is_terminal(error):
            self._give_up(working_set, mailbox, error, now_ms)
            return
        mailbox.one_by_one = max(mailbox.one_by_one, 1)
        mailbox.error = ErrorText.of(error)
        wait, typename = mailbox.backoff(now_ms), mailbox.queue[0].value.typename
        working_set.mailboxes.put_off(mailbox, now_ms + round(wait * 1000))
        logger.warning(
            "%s: attempt %d of a message of type %s failed, the next %s: %s",
            mailbox.address,
            mailbox.attempts,
            typename,
            "when its entity is resumed" if mailbox.paused else f"in {wait:g} s",
            describe(error),
            exc_info=loggable(error) if mailbox.backoffs == 1 else None,
        )
        if self._on_failure is not None:
            self._on_failure(mailbox.address, error)

    def _give_up(self, working_set: WorkingSet, mailbox: Mailbox, error: BaseException, now_ms: int) -> None:
        message = mailbox.queue.popleft()
        working_set.epoch.consume(message.seq)
        self._bury(working_set, message, ErrorText.of(error), mailbox.attempts + 1, now_ms)
        message_given_up(working_set, message, given_up_with(error))
        working_set.mailboxes.dealt_with(mailbox, (message,))
        logger.warning("%s: dead letter of type %s: %s", message.target, message.value.typename, describe(error))

    def _bury(self, working_set: WorkingSet, message: Message, error: ErrorText, attempts: int, now_ms: int) -> None:
        working_set.epoch.dead_letters.append(
            DeadLetterEntry(working_set.seq(), message, error.error_type, error.error, attempts, now_ms)
        )
        working_set.epoch.counters.dead_letters += 1

    def drop(self, working_set: WorkingSet, mailbox: Mailbox, now_ms: int, *, discard: bool) -> None:
        """Remove the first message of *mailbox*, which keeps failing; it becomes a dead letter, unless *discard*."""
        message, attempts, error = mailbox.queue[0], mailbox.attempts, mailbox.error
        assert error is not None  # it keeps failing
        working_set.mailboxes.drop_first(message)
        working_set.epoch.consume(message.seq)
        if discard:
            working_set.epoch.counters.discarded += 1
        else:
            self._bury(working_set, message, error, attempts, now_ms)
        message_given_up(working_set, message, GivenUp(error.why))
        logger.warning(
            "%s: a message of type %s, which failed %d times, is dropped on request (%s): %s",
            message.target,
            message.value.typename,
            attempts,
            "discarded" if discard else "now a dead letter",
            error.why,
        )

    def discard(self, working_set: WorkingSet, seq: int, now_ms: int) -> DeadLetterEntry:  # noqa: ARG002 - for a history
        """Remove the dead letter *seq* on request, and return it. Raises NoDeadLetterError: it does not exist."""
        return working_set.dead_letters.take(seq, working_set.epoch)

    def give_back(self, working_set: WorkingSet, mailbox: Mailbox, *, run: bool = True) -> None:
        """Requeue a cancelled batch, as if it had never run."""
        if (record := working_set.cache.peek(mailbox.address)) is not None:
            record.running = False
        if run:
            mailbox.put_back()
            working_set.mailboxes.again(mailbox)
