"""The time of ``TestRuntime``: it stands still until a test moves it, or until nothing is left to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from statefun_actors import Entity, ValueMismatchError, handles
from statefun_actors.testing import TestRuntime
from tests.testing.entities import Asked, Charged, Clock


async def test_time_stands_still_until_it_is_moved_and_everything_runs_at_its_own_time() -> None:
    async with TestRuntime(Clock, start=datetime(2026, 1, 1, tzinfo=UTC)) as runtime:
        clock = Clock.at("x")
        for hours in (3, 2, 1):
            await runtime.tell(clock, hours)
        pending = [(timer.message, timer.due.hour, timer.cancellation_token) for timer in runtime.timers]
        await runtime.clock.advance(timedelta(hours=10))

        assert pending == [("after 1", 1, "t1"), ("after 2", 2, "t0")]
        assert runtime.state(clock).seen == ["after 1 at 01:00", "after 2 at 02:00"]
        assert runtime.clock.now == datetime(2026, 1, 1, 10, tzinfo=UTC)
        assert runtime.timers == []


async def test_tell_can_be_delayed() -> None:
    async with TestRuntime(Clock) as runtime:
        await runtime.tell(Clock.at("x"), "hello", after=60)
        before = runtime.state(Clock.at("x")).seen
        await runtime.clock.advance(60)

        assert (before, runtime.state(Clock.at("x")).seen) == ([], ["hello at 00:01"])


async def test_time_does_not_go_back() -> None:
    async with TestRuntime(Asked) as runtime:
        with pytest.raises(ValueError, match="time moves forward"):
            await runtime.clock.advance(-1)


async def test_times_that_make_no_sense_are_refused() -> None:
    async with TestRuntime(Charged) as runtime:
        with pytest.raises(ValueMismatchError, match=r"^expected a delay of zero or more, got -5$"):
            await runtime.tell(Charged.at("ada"), 1, after=-5)
    with pytest.raises(ValueMismatchError) as raised:
        TestRuntime(Charged, start=datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused

    assert str(raised.value) == (
        "expected start= as an aware datetime: datetime(2026, 1, 1, tzinfo=UTC), "
        "got datetime.datetime(2026, 1, 1, 0, 0)"
    )


async def test_it_runs_until_it_is_idle_with_timers_or_without() -> None:
    async with TestRuntime(Clock, start=datetime(2026, 1, 1, tzinfo=UTC)) as runtime:
        await runtime.tell(Clock.at("x"), 2)
        await runtime.tell(Clock.at("x"), 5)
        await runtime.run_until_idle()
        assert len(runtime.timers) == 2

        await runtime.run_until_idle(fire_timers=True)

        assert runtime.timers == []
        assert runtime.state(Clock.at("x")).seen == ["after 2 at 02:00", "after 5 at 05:00"]
        assert runtime.clock.now == datetime(2026, 1, 1, 5, tzinfo=UTC)


class Endless(Entity, typename="kit/endless"):
    @handles(str)
    def again(self, message: str) -> None:
        self.send_after(1, self.address, message)

    @handles(int)
    def every(self, message: int) -> None:
        self.send_every(timedelta(hours=1), self.address, "", name="hourly")


async def test_recurring_messages_do_not_keep_it_from_being_idle() -> None:
    async with TestRuntime(Endless) as runtime:
        await runtime.tell(Endless.at("x"), 1)
        await runtime.run_until_idle(fire_timers=True)

        assert [schedule.name for schedule in runtime.schedules] == ["hourly"]


async def test_timers_without_end_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("statefun_actors.testing.runtime._MOST_MOVES", 20)
    async with TestRuntime(Endless, start=datetime(2026, 1, 1, tzinfo=UTC)) as runtime:
        await runtime.tell(Endless.at("x"), "tick")
        with pytest.raises(AssertionError) as raised:
            await runtime.run_until_idle(fire_timers=True)

        assert str(raised.value) == (
            "time was moved 20 times, to 2026-01-01 00:00, and delayed messages are still pending, so they may renew "
            "themselves without end: use clock.advance(...)"
        )
