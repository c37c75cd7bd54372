"""Activities in time: they run beside other messages, take no longer than they may, and keep to a rate."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from statefun_actors import AsyncRuntime, Entity, NoAnswer, activity, answers, handles, persisted
from statefun_actors.conversations.rate import Rate
from statefun_actors.testing import TestRuntime
from tests.conversations.charging import in_test


def test_the_entity_takes_other_messages_meanwhile() -> None:
    gate = asyncio.Event()

    @activity("test/slow")
    async def slow(message: int) -> int:
        await gate.wait()
        return message

    class Busy(Entity, typename="test/busy"):
        seen: list[str] = persisted(factory=list)

        @handles
        def begin(self, message: int) -> None:
            self.ask(slow, message, then=self.done)

        @handles
        def count(self, message: str) -> int:
            self.seen.append(message)
            return len(self.seen)

        @answers
        def done(self, answer: int | NoAnswer) -> str:
            self.seen.append(f"answer {answer}")
            return ", ".join(self.seen)

    async def work() -> str:
        async with AsyncRuntime(Busy, slow) as runtime:
            asked = asyncio.create_task(runtime.ask(Busy.at("b"), 7, str))
            assert await runtime.ask(Busy.count, "b", "x") == 1
            gate.set()
            return await asked

    assert asyncio.run(work()) == "x, answer 7"


def test_an_attempt_that_takes_too_long_has_failed() -> None:
    @activity("test/hanging", attempts=1, timeout=0.05)
    async def hanging(message: int) -> int:
        await asyncio.sleep(60)
        return message

    class Waits(Entity, typename="test/waits"):
        @handles
        def begin(self, message: int) -> None:
            self.ask(hanging, message, then=self.done)

        @answers
        def done(self, answer: int | NoAnswer) -> str:
            return answer.error if isinstance(answer, NoAnswer) else ""

    async def work() -> str:
        async with AsyncRuntime(Waits, hanging) as runtime:
            return await runtime.ask(Waits.at("w"), 1, str)

    assert "0.05" in asyncio.run(work())


def test_no_more_runs_begin_in_any_span_than_the_rate_allows() -> None:
    begun: list[float] = []

    @activity("test/rated", rate="3/s")
    async def rated(message: int) -> int:
        begun.append(runtimes[0].clock.now.timestamp())
        return message

    class Many(Entity, typename="test/many"):
        got: int = persisted(default=0)

        @handles
        def begin(self, message: int) -> None:
            for number in range(message):
                self.ask(rated, number, then=self.done)

        @answers
        def done(self, answer: int | NoAnswer) -> None:
            assert isinstance(answer, int)
            self.got += 1

    runtimes: list[TestRuntime] = []

    async def work(runtime: TestRuntime) -> None:
        runtimes.append(runtime)
        await runtime.tell(Many.at("m"), 10)
        await runtime.clock.advance(10)
        assert runtime.state(Many.at("m")).got == 10
        assert len(begun) == 10
        assert all(later - earlier >= 1 for earlier, later in zip(begun, begun[3:], strict=False))
        assert begun[-1] - begun[0] == 3

    in_test(work, Many, rated)


NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("back", [timedelta(days=1), timedelta(seconds=1.5), timedelta(seconds=0.5)])
@pytest.mark.parametrize("begun", [1, 3])
@pytest.mark.parametrize("waiting", [0, 7])
def test_a_clock_that_is_set_back_delays_runs_by_one_window_more_at_most_and_keeps_the_rate(
    back: timedelta, begun: int, waiting: int
) -> None:
    steady, rate = Rate("3/s"), Rate("3/s")
    for each in (steady, rate):
        for _ in range(begun + waiting):
            each.begin(NOON)

    delays = [(steady.begin(NOON), rate.begin(NOON - back)) for _ in range(3)]

    assert all(bool(usual) == bool(delay) for usual, delay in delays)  # as if no time had passed
    assert all(delay <= usual + SECOND for usual, delay in delays)
    assert not rate.begin(NOON - back + 2 * SECOND)


def test_runs_that_begin_out_of_order_within_a_window_keep_the_rate() -> None:
    rate = Rate("3/s")

    begun = [now for n in range(60) if not rate.begin(now := NOON + SECOND / 10 * (n - n % 2 * 3))]

    assert len(begun) > 12
    begun.sort()
    assert all(later - earlier >= SECOND for earlier, later in zip(begun, begun[3:], strict=False))
