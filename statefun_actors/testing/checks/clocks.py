"""``CLOCK_CHECKS``: what the engine demands from each clock."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

import attrs

from statefun_actors.engine import Clock, at_ms
from statefun_actors.testing.checks.running import in_time

STEP_MS: Final = 40
"""A short time, in milliseconds: a clock that moves by itself is waited for."""
_ROUNDED_MS: Final = 1
"""Two times in whole milliseconds may show a wait shorter than it was."""
FAR_MS: Final = 3_600_000
"""An hour, in milliseconds: no check waits for it."""
_APART: Final = timedelta(minutes=1)
_TURNS: Final = 20
"""Turns of another task during a short wait: there are thousands if nothing else runs."""


async def _pass(seconds: float) -> None:
    await asyncio.sleep(seconds)


@attrs.frozen(kw_only=True)
class ClockSetup:
    """A new clock, and how a check lets time pass.

    Args:
        clock: the clock.
        advance: lets a number of seconds pass. By default it waits, which is right for a clock that moves by itself.
            For one that others move, it moves it.
        expected: returns the time that the clock should show, as an aware datetime. By default that of the machine.
    """

    clock: Clock
    advance: Callable[[float], Awaitable[None]] = _pass
    expected: Callable[[], datetime] = attrs.field(default=lambda: datetime.now(UTC))

    async def advance_to(self, due_ms: int) -> None:
        """Let time pass until the clock shows *due_ms* or later."""
        async with in_time(lambda: f"expected a time of {due_ms} ms, got {self.clock.now_ms()} ms"):
            while (left := due_ms - self.clock.now_ms()) > 0:
                await self.advance(left / 1000)


ClockCheck: TypeAlias = Callable[[ClockSetup], Awaitable[None]]
"""It takes a new clock, and raises AssertionError where the clock breaks the contract."""

CLOCK_CHECKS: Final[list[ClockCheck]] = []
"""All checks of clocks."""


def check(function: ClockCheck) -> ClockCheck:
    """Add *function* to the checks of clocks."""
    CLOCK_CHECKS.append(function)
    return function


@contextmanager
def _time_zone(name: str) -> Generator[None]:
    """Inside, the time zone of the process is *name*, where the system can set it."""
    if not hasattr(time, "tzset"):
        yield
        return
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        del os.environ["TZ"]
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


@check
async def the_time_is_in_utc_in_each_time_zone(setup: ClockSetup) -> None:
    for zone in ("UTC0", "EAST-9", "WEST+9"):
        with _time_zone(zone):
            now, expected = at_ms(setup.clock.now_ms()), setup.expected()
            assert abs(now - expected) < _APART, f"expected {expected.astimezone(UTC)}, got {now}"


@check
async def the_time_is_in_whole_milliseconds(setup: ClockSetup) -> None:
    before = setup.clock.now_ms()
    assert type(before) is int, f"expected an int, got {before!r}"
    await setup.advance(STEP_MS / 1000)
    passed = setup.clock.now_ms() - before
    expected = f"expected a time that is {STEP_MS} ms later, got one that is {passed} ms later"
    assert STEP_MS - _ROUNDED_MS <= passed < STEP_MS * 1000, expected


@check
async def the_time_never_goes_back(setup: ClockSetup) -> None:
    last = setup.clock.now_ms()
    for number in range(2_000):
        if number % 500 == 0:
            await setup.advance(0.002)
        now = setup.clock.now_ms()
        assert now >= last, f"expected {last} ms or later, got {now} ms"
        last = now


@check
async def a_wait_ends_when_its_time_has_passed(setup: ClockSetup) -> None:
    for milliseconds in (STEP_MS, 5, 1, 0):
        before = setup.clock.now_ms()
        async with in_time(lambda: f"expected the end of a wait of {milliseconds} ms, got none"):  # noqa: B023
            await setup.clock.sleep(milliseconds / 1000)
        passed = setup.clock.now_ms() - before
        assert passed >= milliseconds - _ROUNDED_MS, f"expected a wait of {milliseconds} ms, got {passed} ms"


@check
async def a_wait_can_be_cancelled(setup: ClockSetup) -> None:
    wait = asyncio.ensure_future(setup.clock.sleep(FAR_MS / 1000))
    await asyncio.sleep(0)
    is_pending = wait.cancel()  # it is not for a clock that a wait moves: that wait has ended
    async with in_time(lambda: "expected the end of a wait that was cancelled, got none"):
        await asyncio.wait([wait])
    if not wait.cancelled():
        error = wait.exception()
        assert error is None, f"expected a wait that can be cancelled, got {error!r}"
        assert not is_pending, "expected CancelledError from a wait that was cancelled, got its end without an error"


@check
async def other_tasks_run_during_a_wait(setup: ClockSetup) -> None:
    seconds, turns = STEP_MS / 1000, 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    for _ in range(5):  # a busy machine may give this process too little time once, but not each time
        turns, began = 0, time.monotonic()
        other = asyncio.create_task(take_turns())
        try:
            async with in_time(lambda: f"expected the end of a wait of {seconds} s, got none"):
                await setup.clock.sleep(seconds)
        finally:
            other.cancel()
        passed = time.monotonic() - began
        if turns >= _TURNS or passed < seconds:  # a clock that a wait moves need not wait at all
            return
    raise AssertionError(f"expected {_TURNS} or more turns of another task during a wait of {seconds} s, got {turns}")


@check
async def each_token_is_new_and_has_128_bits(setup: ClockSetup) -> None:
    tokens = [setup.clock.token() for _ in range(1_000)]
    for token in tokens:
        assert re.fullmatch("[0-9a-f]{32}", token), f"expected 32 hexadecimal digits in lower case, got {token!r}"
    assert len(set(tokens)) == len(tokens), "expected another token with each call, got one twice"
    numbers = [int(token, 16) for token in tokens]
    same = [bit for bit in range(128) if len({number >> bit & 1 for number in numbers}) == 1]
    assert not same, f"expected random bits, got the same in each token at {same}"
