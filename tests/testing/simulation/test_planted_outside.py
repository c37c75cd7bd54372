"""Further mistakes: each passes without faults, and ``simulate`` and hostile runtimes find it."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from statefun_actors.testing import SimulationError, TestRuntime, simulate
from tests.testing.simulation import planted
from tests.testing.simulation import planted_outside as outside

CASES = [
    (outside.environment, [outside.Environment], "planted/environment/ada.count: "),
    (outside.closure, [outside.Closure], "planted/closure/ada.count: "),
    (outside.context, [outside.Context], "planted/context/ada.total: "),
    (outside.thread_local, [outside.ThreadLocal], "planted/thread-local/ada.total: "),
    (outside.registry, [outside.Registry], "planted/registry/ada.total: "),
    (outside.mutable_default, [outside.MutableDefault], "planted/mutable-default/ada.total: "),
    (outside.attempts, [outside.Attempts], "planted/attempts/x.tried: "),
    (outside.after_error, [outside.AfterError], "planted/after-error/ada.total: "),
    (outside.freed, [outside.Deleted], "planted/deleted/ada.freed: "),
    (outside.activity_without_a_key, [outside.Shop, outside.charge], "what the scenario returns: "),
    (outside.task_left, [outside.TaskLeft], "what the scenario returns: "),
    (outside.float_sum, [outside.Summing, outside.Paying, outside.Payday], "planted/summing/s.total: "),
    (outside.two_targets, [outside.Doors, outside.Door], "planted/doors/d.log: "),
    (outside.last_answer, [outside.LastAnswer, outside.Echo], "planted/last-answer/x.answer: "),
]
IDS = [scenario.__name__ for scenario, _, _ in CASES]


async def final(scenario: planted.Scenario, served: list[Any], *, hostile: bool | int) -> list[str]:
    """What the scenario returns, and all fields at its end."""
    async with TestRuntime(*served, hostile=hostile) as runtime:
        returned = await scenario(runtime)
        assert not runtime.dead_letters
        classes = [each for each in served if isinstance(each, type)]
        return [repr(returned), *(repr(runtime.state(each)) for cls in classes for each in runtime.entities(cls))]


@pytest.mark.parametrize(("scenario", "served", "what"), CASES, ids=IDS)
def test_the_mistake_is_found(scenario: planted.Scenario, served: list[Any], what: str) -> None:
    with pytest.raises(SimulationError) as raised:
        simulate(scenario, *served, seeds=100)

    assert raised.value.seed is not None
    assert what in raised.value.what


@pytest.mark.parametrize(("scenario", "served", "what"), CASES, ids=IDS)
async def test_a_hostile_runtime_shows_it(scenario: planted.Scenario, served: list[Any], what: str) -> None:
    del what
    calm = await final(scenario, served, hostile=False)
    assert await final(scenario, served, hostile=False) == calm

    hostile = [await final(scenario, served, hostile=seed) for seed in range(20)]

    assert any(each != calm for each in hostile)


@pytest.mark.parametrize(
    ("cls", "what"),
    [
        (outside.Drawn, "a second run differs from the first: planted/drawn/x.number: "),
        (outside.Identified, "a second run differs from the first: planted/identified/x.key: "),
        (outside.Elapsing, "with another wall clock: planted/elapsing/x.began: "),
        (outside.LocalTime, "with another wall clock: planted/local-time/x.day: "),
        (outside.Formatted, "with another wall clock: planted/formatted/x.day: "),
    ],
)
def test_what_no_message_decides_is_found_without_faults(cls: Any, what: str) -> None:
    with pytest.raises(SimulationError) as raised:
        simulate(functools.partial(outside.start, cls=cls), cls, seeds=1)

    assert raised.value.seed is None
    assert raised.value.what.startswith(what)


@pytest.mark.parametrize(
    ("scenario", "cls", "what"),
    [
        (outside.hashed, outside.Hashed, r"planted/hashed/x\.shard: "),
        (outside.process, outside.Process, r"planted/process/x\.number: "),
    ],
)
def test_what_a_process_decides_is_found_by_other_interpreters(scenario: planted.Scenario, cls: Any, what: str) -> None:
    with pytest.raises(SimulationError, match=what):
        simulate(scenario, cls, seeds=1, hash_seeds=2)


def test_what_the_page_on_testing_says_is_not_found_is_not() -> None:
    simulate(outside.cached_method, outside.CachedMethod, seeds=20)
