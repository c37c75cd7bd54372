"""The published checks of clocks: our clocks pass them, and those with a mistake do not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from statefun_actors.cli.run.jumping_clock import JumpingClock
from statefun_actors.engine import ManualClock, SystemClock, at_ms
from statefun_actors.testing.checks import CLOCK_CHECKS, ClockCheck, ClockSetup, clock_calls, clocks
from statefun_actors.testing.faults import FaultClock
from tests.engine.wrong_clocks import WrongClock, WrongManualClock

START = datetime(2031, 7, 1, 8, 30, tzinfo=timezone(timedelta(hours=5, minutes=45)))


def set_by_hand(clock: ManualClock) -> ClockSetup:
    expected = at_ms(clock.now_ms())

    async def advance(seconds: float) -> None:
        clock.set_ms(clock.now_ms() + round(seconds * 1000))

    return ClockSetup(clock=clock, advance=advance, expected=lambda: expected)


SETUPS: dict[str, Callable[[], ClockSetup]] = {
    "SystemClock": lambda: ClockSetup(clock=SystemClock()),
    "JumpingClock": lambda: ClockSetup(clock=JumpingClock()),
    "ManualClock": lambda: set_by_hand(ManualClock()),
    "ManualClock of another zone": lambda: set_by_hand(ManualClock(START, seed=7)),
    "FaultClock": lambda: set_by_hand(FaultClock()),
}


@pytest.mark.parametrize("check", CLOCK_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("setup", SETUPS)
async def test_clocks_keep_to(check: ClockCheck, setup: str) -> None:
    await check(SETUPS[setup]())


async def test_a_clock_that_jumps_calls_after_it_has_returned() -> None:
    clock = JumpingClock()
    clock.next_jump = clock.now_ms

    await clock_calls.a_callback_whose_time_has_passed_is_called_soon(ClockSetup(clock=clock))


def test_a_manual_clock_shows_the_same_time_in_each_zone() -> None:
    assert at_ms(ManualClock(START).now_ms()) == START


@pytest.mark.parametrize(
    ("mistake", "check", "text"),
    [
        ("local time", clocks.the_time_is_in_utc_in_each_time_zone, "expected 20"),
        ("seconds", clocks.the_time_is_in_whole_milliseconds, "expected a time that is 40 ms later, got "),
        ("fractions", clocks.the_time_is_in_whole_milliseconds, "expected an int, got 1"),
        ("goes back", clocks.the_time_never_goes_back, "expected "),
        ("sleeps milliseconds", clocks.a_wait_ends_when_its_time_has_passed, "expected a wait of 40 ms, got "),
        (
            "sleeps a thousand times as long",
            clocks.a_wait_ends_when_its_time_has_passed,
            "expected the end of a wait of 40 ms, got none after 0.3 s",
        ),
        ("stands still", clocks.a_wait_ends_when_its_time_has_passed, "expected a wait of 40 ms, got 0 ms"),
        (
            "sleeps on",
            clocks.a_wait_can_be_cancelled,
            "expected the end of a wait that was cancelled, got none after 0.3 s",
        ),
        (
            "has a longest wait",
            clocks.a_wait_can_be_cancelled,
            "expected a wait that can be cancelled, got RuntimeError('60 s at most')",
        ),
        (
            "ends without CancelledError",
            clocks.a_wait_can_be_cancelled,
            "expected CancelledError from a wait that was cancelled, got its end without an error",
        ),
        (
            "blocks",
            clocks.other_tasks_run_during_a_wait,
            "expected 20 or more turns of another task during a wait of 0.04 s, got 0",
        ),
        (
            "blocks after a turn",
            clocks.other_tasks_run_during_a_wait,
            "expected 20 or more turns of another task during a wait of 0.04 s, got 1",
        ),
        (
            "calls twice",
            clock_calls.a_callback_is_called_once_at_its_time_on_the_event_loop,
            "expected calls of ('first',), got ('first', 'first')",
        ),
        (
            "calls in a thread",
            clock_calls.a_callback_is_called_once_at_its_time_on_the_event_loop,
            "expected a call on the thread of the event loop",
        ),
        (
            "calls nothing",
            clock_calls.a_callback_is_called_once_at_its_time_on_the_event_loop,
            "expected calls of ('first',), got () after 0.3 s",
        ),
        (
            "calls late",
            clock_calls.a_callback_is_not_called_late,
            "expected a call at its time or earlier, got none 0.2 s later, 3 times",
        ),
        (
            "calls at once",
            clock_calls.a_callback_is_not_called_long_before_its_time,
            "expected calls of (), got ('in an hour',)",
        ),
        (
            "calls the last first",
            clock_calls.callbacks_are_called_in_the_order_of_their_times,
            "expected calls of (1, 2, 3), got (2, 1, 3)",
        ),
        (
            "keeps one call",
            clock_calls.callbacks_are_called_in_the_order_of_their_times,
            "expected calls of (1, 2, 3), got (2,) after 0.3 s",
        ),
        (
            "calls before it returns",
            clock_calls.a_callback_whose_time_has_passed_is_called_soon,
            "expected a call after call_at() has returned, got one before",
        ),
        (
            "computes dates",
            clock_calls.a_callback_of_any_later_time_can_be_set,
            "expected any 64-bit number as due_ms, got OverflowError(",
        ),
        ("cancels nothing", clock_calls.a_cancelled_callback_is_not_called, "expected calls of ('kept',), got ("),
        (
            "cancels only what is pending",
            clock_calls.a_cancelled_callback_is_not_called,
            "expected that a call can be cancelled at any time, got KeyError(",
        ),
        ("repeats a token", clocks.each_token_is_new_and_has_128_bits, "expected another token with each call"),
        (
            "short tokens",
            clocks.each_token_is_new_and_has_128_bits,
            "expected 32 hexadecimal digits in lower case, got ",
        ),
        (
            "tokens of 64 bits",
            clocks.each_token_is_new_and_has_128_bits,
            "expected random bits, got the same in each token",
        ),
        (
            "calls nothing",
            clock_calls.an_engine_is_woken_for_delayed_messages,
            "expected 3 messages, got 0 after 0.3 s",
        ),
    ],
)
async def test_a_mistake_of_a_clock_is_described(
    mistake: str, check: ClockCheck, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("statefun_actors.testing.checks.running.SECONDS", 0.3)
    by_hand = mistake in WrongManualClock.MISTAKES
    setup = set_by_hand(WrongManualClock(mistake)) if by_hand else ClockSetup(clock=WrongClock(mistake))

    with pytest.raises(AssertionError) as raised:
        await check(setup)

    assert str(raised.value).startswith(text)


@pytest.mark.parametrize("setup", [lambda: ClockSetup(clock=WrongClock("")), lambda: set_by_hand(WrongManualClock(""))])
async def test_a_clock_without_a_mistake_passes(setup: Callable[[], ClockSetup]) -> None:
    for check in CLOCK_CHECKS:
        await check(setup())
