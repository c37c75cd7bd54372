"""The states of a mailbox: the tables at the head of ``engine/mailbox.py``, each row of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from statefun_actors import Address
from statefun_actors.engine.mailbox import Mailbox, MailboxState
from statefun_actors.engine.mailboxes import Mailboxes
from statefun_actors.model import TypedValue
from statefun_actors.store import Message

A = Address("test/entity", "a")
EMPTY, READY, RUNNING, BACKOFF, PAUSED = MailboxState
Event: TypeAlias = Callable[[Mailboxes], object]


def message(seq: int) -> Message:
    return Message(seq, A, TypedValue("test/value", b"value"))


def mailbox_of(mailboxes: Mailboxes) -> Mailbox:
    found = mailboxes.of(A)
    assert found is not None
    return found


def arrive(mailboxes: Mailboxes) -> None:
    mailboxes.deliver(message(9))


def run(mailboxes: Mailboxes) -> None:
    [mailbox] = mailboxes.take_ready(1)
    mailboxes.take(mailbox, 1)


def succeed(mailboxes: Mailboxes) -> None:
    mailbox = mailbox_of(mailboxes)
    mailboxes.dealt_with(mailbox, mailbox.running)


def be_cancelled(mailboxes: Mailboxes) -> None:
    mailbox = mailbox_of(mailboxes)
    mailbox.put_back()
    mailboxes.again(mailbox)


def fail(mailboxes: Mailboxes) -> None:
    mailbox = mailbox_of(mailboxes)
    mailbox.put_back()
    mailbox.backoff(0)
    mailboxes.put_off(mailbox, 1_000)


def pass_time(mailboxes: Mailboxes) -> None:
    mailboxes.end_waits(1_000)


def retry_now(mailboxes: Mailboxes) -> None:
    mailboxes.retry_now(mailbox_of(mailboxes))


def drop(mailboxes: Mailboxes) -> None:
    mailboxes.drop_first(message(1))


def pause(mailboxes: Mailboxes) -> None:
    mailboxes.set_pauses({A: 1})


def pause_type(mailboxes: Mailboxes) -> None:
    mailboxes.set_pauses({A.typename: 1})


def resume(mailboxes: Mailboxes) -> None:
    mailboxes.set_pauses({})
    mailboxes.bring_back(100)


BEFORE: dict[MailboxState, list[Event]] = {EMPTY: [], READY: [], RUNNING: [run], BACKOFF: [run, fail], PAUSED: [pause]}


def in_state(state: MailboxState, messages: int) -> Mailboxes:
    stored = [message(seq) for seq in range(1, messages + 1)]
    mailboxes = Mailboxes(
        {A.typename}, 100, lambda _address, after, _count: [each for each in stored if each.seq > after]
    )
    for each in stored:
        mailboxes.deliver(each)
    for event in BEFORE[state]:
        event(mailboxes)
    return mailboxes


def state_of(mailboxes: Mailboxes) -> MailboxState:
    """The state, of which the flags say no other one."""
    mailbox = mailboxes.of(A)
    if mailbox is None:
        assert mailboxes.of(A) is None
        return EMPTY
    assert [bool(mailbox.running), mailbox.queued, mailbox.waits, mailbox.paused].count(True) == 1
    return mailbox.state


@pytest.mark.parametrize(
    ("state", "messages", "event", "after"),
    [
        (EMPTY, 0, arrive, READY),
        (EMPTY, 0, pass_time, EMPTY),
        (EMPTY, 0, drop, EMPTY),
        (READY, 1, arrive, READY),
        (READY, 1, run, RUNNING),
        (READY, 1, pass_time, READY),
        (READY, 1, retry_now, READY),
        (READY, 1, drop, EMPTY),
        (READY, 2, drop, READY),
        (RUNNING, 1, arrive, RUNNING),
        (RUNNING, 1, succeed, EMPTY),
        (RUNNING, 2, succeed, READY),
        (RUNNING, 1, be_cancelled, READY),
        (RUNNING, 1, fail, BACKOFF),
        (RUNNING, 2, fail, BACKOFF),
        (RUNNING, 1, pass_time, RUNNING),
        (RUNNING, 1, retry_now, RUNNING),
        (RUNNING, 2, drop, RUNNING),
        (BACKOFF, 1, arrive, BACKOFF),
        (BACKOFF, 1, pass_time, READY),
        (BACKOFF, 2, pass_time, READY),
        (BACKOFF, 1, retry_now, READY),
        (BACKOFF, 1, drop, EMPTY),
        (BACKOFF, 2, drop, READY),
        (EMPTY, 0, pause, EMPTY),
        (READY, 1, pause, PAUSED),
        (READY, 2, pause_type, PAUSED),
        (BACKOFF, 1, pause, PAUSED),
        (BACKOFF, 2, pause_type, PAUSED),
        (PAUSED, 1, arrive, PAUSED),
        (PAUSED, 1, pass_time, PAUSED),
        (PAUSED, 1, retry_now, PAUSED),
        (PAUSED, 1, pause_type, PAUSED),
        (PAUSED, 1, drop, EMPTY),
        (PAUSED, 2, drop, PAUSED),
        (PAUSED, 1, resume, READY),
        (PAUSED, 2, resume, READY),
    ],
)
def test_each_event_leads_to_the_state_in_the_table(
    state: MailboxState, messages: int, event: Event, after: MailboxState
) -> None:
    mailboxes = in_state(state, messages)
    assert state_of(mailboxes) is state

    event(mailboxes)

    assert state_of(mailboxes) is after
    if after is not EMPTY:
        assert mailbox_of(mailboxes).waiting == mailboxes.waiting
    assert mailboxes.ready == (after is READY)
    assert (mailboxes.next_retry() is not None) == (after is BACKOFF)


@pytest.mark.parametrize("event", [succeed, be_cancelled, fail])
def test_a_running_mailbox_that_is_paused_waits_once_its_batch_has_ended(event: Event) -> None:
    mailboxes = in_state(RUNNING, 2)
    pause(mailboxes)
    assert state_of(mailboxes) is RUNNING

    event(mailboxes)

    assert state_of(mailboxes) is PAUSED
    resume(mailboxes)
    assert state_of(mailboxes) is READY


def test_messages_of_a_paused_mailbox_are_not_in_memory() -> None:
    mailboxes = in_state(READY, 5)
    size = mailboxes.bytes
    pause(mailboxes)
    paused = (mailboxes.held, mailboxes.bytes, mailboxes.waiting, mailboxes.ready_messages)
    resume(mailboxes)
    resumed = (mailboxes.held, mailboxes.waiting)
    run(mailboxes)

    assert paused == (0, 0, 5, 0)
    assert resumed == (0, 5)  # they are read when it is their turn
    assert (mailboxes.held, mailboxes.bytes, mailboxes.waiting, mailboxes.ready_messages) == (5, size, 5, 0)


@pytest.mark.parametrize("before", [[pause], [run, fail, pause]])
def test_a_message_for_a_resumed_mailbox_waits_for_its_turn_among_the_resumed_ones(before: list[Event]) -> None:
    mailboxes = in_state(READY, 1)
    for event in before:
        event(mailboxes)
    mailboxes.set_pauses({})
    mailboxes.set_pauses({})
    arrive(mailboxes)
    waiting = state_of(mailboxes)
    mailboxes.bring_back(100)

    assert (waiting, state_of(mailboxes)) == (PAUSED, READY)
    assert not mailboxes.paused.resuming


def test_an_empty_mailbox_keeps_nothing_for_the_next_address() -> None:
    mailboxes = in_state(BACKOFF, 1)
    mailboxes.drop_first(message(1))
    mailboxes.deliver(Message(2, Address("test/entity", "b"), TypedValue("test/value", b"")))

    other = mailboxes.of(Address("test/entity", "b"))
    assert other is not None
    assert (other.state, other.attempts, other.backoffs, other.one_by_one, other.error) == (READY, 0, 0, 0, None)
