"""Histograms of times: quantiles, windows, and what dispatch counts in them."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statefun_actors import Discard, Entity, handles
from statefun_actors.dispatch import Application, Durations, Summary, SystemHost, dispatch, in_handler_task
from statefun_actors.dispatch.durations import WINDOW_SECONDS, WINDOWS
from statefun_actors.model import Batch, Failed, Invocation
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack


def summary(times: Durations[str], key: str = "a") -> Summary:
    return dict(times.summaries())[key]


@given(st.lists(st.floats(1e-7, 1e5), min_size=1, max_size=50))
def test_quantiles_are_exact_to_four_percent(seconds: list[float]) -> None:
    times: Durations[str] = Durations(0.0)
    for each in seconds:
        times.add("a", each)
    ordered = sorted(seconds)
    found = summary(times)
    assert found.count == len(seconds)
    assert found.p50 == pytest.approx(ordered[(len(ordered) + 1) // 2 - 1], rel=0.04)
    assert found.most == pytest.approx(ordered[-1], rel=0.04)
    assert found.p50 <= found.p99 <= found.most


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_clock_that_stands_or_goes_back_counts_as_zero(seconds: float) -> None:
    times: Durations[str] = Durations(0.0)
    times.add("a", seconds)
    assert summary(times) == Summary(1, 0.0, 0.0, 0.0)


def test_times_are_forgotten_after_the_last_window() -> None:
    times: Durations[str] = Durations(0.0)
    times.add("a", 1.0)
    times.advance(WINDOW_SECONDS)
    times.add("a", 1.0)
    times.advance(WINDOW_SECONDS * (WINDOWS - 0.5))
    assert summary(times).count == 2
    times.advance(WINDOW_SECONDS * WINDOWS)
    assert summary(times).count == 1
    times.advance(WINDOW_SECONDS * 1e9)
    assert dict(times.summaries()) == {}


class Timed(Entity, typename="timed/entity"):
    @handles(int)
    async def wait(self, message: int) -> None:
        await asyncio.sleep(0)

    @handles(str)
    def fail(self, message: str) -> None:
        raise ValueError(message)


class Plain(Entity, typename="timed/plain"):
    @handles(int)
    def work(self, message: int) -> None: ...


class Guarded(Entity, typename="timed/guarded", on_failure=Discard(attempts=2, backoff=0)):
    @handles(int)
    def work(self, message: int) -> None: ...

    @handles(str)
    def fail(self, message: str) -> None:
        raise ValueError(message)


async def test_dispatch_counts_each_attempt_of_a_handler() -> None:
    async with TestRuntime(Timed, Guarded) as runtime:
        times = runtime.engine.app.measure_handlers(0.0)
        assert runtime.engine.app.measure_handlers(1.0) is times
        for number in range(3):
            await runtime.tell(Timed.at("ada"), number)
            await runtime.tell(Guarded.at("ada"), number)
        with pytest.raises(ValueError, match="x"):
            await runtime.tell(Timed.at("bob"), "x")
        await runtime.tell(Guarded.at("bob"), "x")
        found = {key: summary.count for key, summary in times.summaries()}
    attempts = found.pop(("timed/entity", "Timed.fail"))
    assert attempts >= 1
    assert found == {
        ("timed/entity", "Timed.wait"): 3,
        ("timed/guarded", "Guarded.work"): 3,
        ("timed/guarded", "Guarded.fail"): 2,
    }


async def test_a_message_without_a_handler_is_not_counted_for_the_handler_before_it() -> None:
    app = Application(Timed)
    times = app.measure_handlers(0.0)
    batch = Batch(Timed.at("ada"), {}, [Invocation(pack(1)), Invocation(pack(b"no handler takes bytes"))])
    outcome = await in_handler_task(dispatch(batch, app, SystemHost()))
    assert isinstance(outcome, Failed)
    assert outcome.index == 1
    assert {key: found.count for key, found in times.summaries()} == {("timed/entity", "Timed.wait"): 1}


class Interrupted(Durations[tuple[str, str]]):
    def add(self, key: tuple[str, str], seconds: float) -> None:
        super().add(key, seconds)
        raise KeyboardInterrupt


async def test_an_interrupt_behind_the_last_message_of_a_batch_fails_the_batch() -> None:
    app = Application(Plain)
    app.handler_times = Interrupted(0.0)
    outcome = await dispatch(Batch(Plain.at("ada"), {}, [Invocation(pack(1))]), app, SystemHost())
    assert isinstance(outcome, Failed)
    assert outcome.index == 0
