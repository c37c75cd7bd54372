"""Checks that every control must pass. Each takes a control and a function that opens its store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from statefun_actors import Address
from statefun_actors.admin import Control, DeadLetterRetry, FieldEdit, Posting, TimerKey
from statefun_actors.asking import REPLY, Open, order
from statefun_actors.calls import NotOpenError
from statefun_actors.engine import NoDeadLetterError, NoTimerError, NotSetError
from statefun_actors.model import TypedValue
from statefun_actors.store import (
    Commit,
    DeadLetterEntry,
    EntityRecord,
    EntityRow,
    Message,
    NotPausedError,
    StoreReader,
    read_pauses,
)
from statefun_actors.store.entity_record import pack, unpack

ADA, BOB = Address("bank/account", "ada"), Address("elsewhere/account", "a/b \0ü")
FIVE, NOTHING = TypedValue("bank/deposit", bytes(range(256))), TypedValue("bank/nothing", b"")

OPEN = "abcdefghijklmnop"
_ASK = TypedValue("statefun-actors/bytes", order(Open(ADA, "then", None, None, 1 << 38, 1_700_000_000_000)).value)

GIVEN = Commit(
    entities=[EntityRow(Address(REPLY, OPEN), pack(EntityRecord({"ask": _ASK}, {}, 0)))],
    dead_letters=[
        DeadLetterEntry(2, Message(1, ADA, FIVE, BOB), "ValueError", "no such money", 3, 5),
        DeadLetterEntry(4, Message(3, BOB, NOTHING), "TerminalError", "never", 1, 6),
        DeadLetterEntry(6, Message(5, ADA, FIVE), "KeyError", "'x'", 1, 7),
    ],
    next_seq=7,
)
"""What is in the store before each check. Nothing there runs for the addresses in it: messages stay where they are."""

Check = Callable[[Control, StoreReader], Awaitable[None]]
CHECKS: list[Check] = []


def check(function: Check) -> Check:
    CHECKS.append(function)
    return function


def waiting(store: StoreReader) -> list[tuple[Address, TypedValue, Address | None]]:
    return [(message.target, message.value, message.caller) for message in store.messages()]


def left(store: StoreReader) -> list[int]:
    return [entry.seq for entry in store.dead_letters()]


def stored(store: StoreReader, address: Address) -> dict[str, TypedValue | None]:
    """The states of *address* that have a value."""
    state = unpack(address, store.load([address])[0], ()).state
    return {name: value for name, value in state.items() if value is not None}


@check
async def what_is_sent_waits_in_order(control: Control, store: StoreReader) -> None:
    await control.send([Posting(ADA, FIVE), Posting(BOB, NOTHING)])
    await control.send([Posting(ADA, NOTHING)])

    assert waiting(store) == [(ADA, FIVE, None), (BOB, NOTHING, None), (ADA, NOTHING, None)]
    assert [message.seq for message in store.messages()] == [7, 8, 9]
    assert store.recover().next_seq == 10


@check
async def messages_that_wait_are_counted(control: Control, store: StoreReader) -> None:
    assert (await control.state()).waiting == 0
    await control.send([Posting(BOB, FIVE), Posting(BOB, NOTHING)])
    state = await control.state()
    assert state.waiting + sum(state.parked.values()) == 2
    assert (state.handled, state.failing, state.error) == (0, (), None)
    assert len(waiting(store)) == 2


@check
async def what_is_sent_for_later_is_a_delayed_message(control: Control, store: StoreReader) -> None:
    await control.send([Posting(ADA, FIVE, 86_400_000), Posting(ADA, NOTHING)])

    (timer,) = store.timers_after(0, 0, 10)
    assert (timer.target, timer.value, timer.caller, timer.token) == (ADA, FIVE, None, None)
    assert timer.due_ms > 86_400_000
    assert waiting(store) == [(ADA, NOTHING, None)]


@check
async def what_is_paused_stays_so_until_it_is_resumed(control: Control, store: StoreReader) -> None:
    await control.pause([ADA, "elsewhere/account"])
    first = read_pauses(store.recover())
    await control.pause([ADA, BOB])
    second = read_pauses(store.recover())
    await control.resume([ADA, "elsewhere/account", ADA])

    assert set(first) == {ADA, "elsewhere/account"}
    assert second == {**first, BOB: second[BOB]}
    assert read_pauses(store.recover()) == {BOB: second[BOB]}


@check
async def nothing_is_resumed_if_one_is_not_paused(control: Control, store: StoreReader) -> None:
    await control.pause([ADA, "elsewhere/account"])
    with pytest.raises(NotPausedError) as by_type:
        await control.resume([ADA, BOB])
    with pytest.raises(NotPausedError) as unknown:
        await control.resume(["bank/account"])

    assert (by_type.value.target, by_type.value.by_type) == (BOB, True)
    assert (unknown.value.target, unknown.value.by_type) == ("bank/account", False)
    assert set(read_pauses(store.recover())) == {ADA, "elsewhere/account"}


@check
async def a_delayed_message_is_fired_once_and_those_behind_it_stay(control: Control, store: StoreReader) -> None:
    await control.send([Posting(ADA, FIVE, 86_400_000), Posting(BOB, NOTHING, 86_400_001)])
    first, second = store.timers_after(0, 0, 10)
    await control.fire_timers([TimerKey(first.due_ms, first.seq)] * 2)

    # Without an engine it is due now.
    due = [timer for timer in store.timers_after(0, 0, 10) if timer.due_ms < first.due_ms]
    assert [*waiting(store), *[(timer.target, timer.value, timer.caller) for timer in due]] == [(ADA, FIVE, None)]
    assert store.timers_after(first.due_ms, 0, 10) == [second]
    with pytest.raises(NoTimerError):
        await control.fire_timers([TimerKey(first.due_ms, first.seq)])


@check
async def a_cancelled_delayed_message_is_gone(control: Control, store: StoreReader) -> None:
    await control.send([Posting(ADA, FIVE, 86_400_000), Posting(BOB, NOTHING, 86_400_001)])
    first, second = store.timers_after(0, 0, 10)
    await control.cancel_timers([TimerKey(second.due_ms, second.seq)])

    assert (waiting(store), store.timers_after(0, 0, 10)) == ([], [first])


@check
async def a_delayed_message_that_is_not_there_leaves_all_as_they_were(control: Control, store: StoreReader) -> None:
    await control.send([Posting(ADA, FIVE, 86_400_000)])
    (timer,) = store.timers_after(0, 0, 10)
    known = TimerKey(timer.due_ms, timer.seq)
    for wrong in (TimerKey(timer.due_ms, 99), TimerKey(timer.due_ms + 1, timer.seq)):
        for attempt in (control.fire_timers([known, wrong]), control.cancel_timers([known, wrong])):
            with pytest.raises(NoTimerError) as refused:
                await attempt

            assert str(refused.value) == (
                f"there is no delayed message {wrong.seq}: it has been delivered or cancelled, never existed, or is "
                "one of this library's own, such as the timeout of an ask. "
                "`statefun-actors timers` lists the pending ones."
            )
    assert (waiting(store), store.timers_after(0, 0, 10)) == ([], [timer])


@check
async def a_field_is_set_if_it_is_what_was_read(control: Control, store: StoreReader) -> None:
    await control.set_field(FieldEdit(ADA, "total", FIVE, None))
    await control.set_field(FieldEdit(ADA, "other", FIVE, None))
    await control.set_field(FieldEdit(ADA, "total", NOTHING, FIVE))
    with pytest.raises(NotSetError) as refused:
        await control.set_field(FieldEdit(ADA, "total", FIVE, FIVE))

    assert str(refused.value) == (
        "total of bank/account/ada was not set: it has changed since it was read; read it again"
    )
    assert stored(store, ADA) == {"total": NOTHING, "other": FIVE}


@check
async def a_field_without_a_value_is_absent(control: Control, store: StoreReader) -> None:
    await control.set_field(FieldEdit(ADA, "total", FIVE, None))
    await control.set_field(FieldEdit(ADA, "total", None, FIVE))

    assert stored(store, ADA) == {}


@check
async def nothing_to_do_is_done(control: Control, store: StoreReader) -> None:
    await control.send([])
    await control.retry([])
    await control.discard([])

    assert (waiting(store), left(store)) == ([], [2, 4, 6])


@check
async def a_retried_dead_letter_is_a_message_of_its_caller_behind_those_that_wait(
    control: Control, store: StoreReader
) -> None:
    await control.send([Posting(ADA, NOTHING)])
    await control.retry([DeadLetterRetry(2)])

    assert waiting(store) == [(ADA, NOTHING, None), (ADA, FIVE, BOB)]
    assert left(store) == [4, 6]


@check
async def several_are_retried_in_the_order_given_each_with_its_own_value(control: Control, store: StoreReader) -> None:
    await control.retry([DeadLetterRetry(6, NOTHING), DeadLetterRetry(4), DeadLetterRetry(4)])

    assert waiting(store) == [(ADA, NOTHING, None), (BOB, NOTHING, None)]
    assert left(store) == [2]


@check
async def a_discarded_dead_letter_is_gone(control: Control, store: StoreReader) -> None:
    await control.discard([4, 4, 2])

    assert (waiting(store), left(store)) == ([], [6])


@check
async def one_that_is_not_there_leaves_all_as_they_were(control: Control, store: StoreReader) -> None:
    for attempt in (
        control.discard([2, 5, 9]),
        control.retry([DeadLetterRetry(2), DeadLetterRetry(5), DeadLetterRetry(9)]),
    ):
        with pytest.raises(NoDeadLetterError) as refused:
            await attempt

        assert str(refused.value) == (
            "there is no dead letter 5: it has been retried or discarded, or never existed. "
            "`statefun-actors dead-letters list` lists the current ones."
        )
        assert (waiting(store), left(store)) == ([], [2, 4, 6])
    await control.discard([2])
    with pytest.raises(NoDeadLetterError):
        await control.retry([DeadLetterRetry(2)])


@check
async def of_an_ask_that_is_not_open_nothing_is_answered_or_cancelled(control: Control, store: StoreReader) -> None:
    for attempt in (control.answer("0123456789", FIVE), control.cancel_ask("0123456789")):
        with pytest.raises(NotOpenError) as refused:
            await attempt

        assert str(refused.value) == (
            "the reply address 01234567... takes no answer: it has been answered, its time is over, or it never was. "
            "`statefun-actors asks APP` lists the open ones."
        )
    assert waiting(store) == []


@check
async def an_open_ask_is_answered_once(control: Control, store: StoreReader) -> None:
    await control.answer(OPEN, FIVE)

    with pytest.raises(NotOpenError):
        await control.answer(OPEN, FIVE)
    with pytest.raises(NotOpenError):
        await control.cancel_ask(OPEN)


@check
async def an_open_ask_is_cancelled_once(control: Control, store: StoreReader) -> None:
    await control.cancel_ask(OPEN)

    with pytest.raises(NotOpenError):
        await control.answer(OPEN, FIVE)


@check
async def much_goes_in_one_call(control: Control, store: StoreReader) -> None:
    large = TypedValue("bank/large", bytes(1_000_000))

    await control.send([Posting(ADA, large), *[Posting(ADA, FIVE)] * 2_000])

    assert store.counts()["messages"] == 2_001


@check
async def it_may_be_closed_twice(control: Control, store: StoreReader) -> None:
    await control.close()
    await control.close()
