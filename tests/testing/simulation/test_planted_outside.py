"""Further mistakes: each passes without faults, and ``simulate`` and hostile runtimes find it."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from statefun_actors.testing import SimulationError, TestRuntime, simulate
from tests.testing.simulation import planted, planted_outside, planted_runs, planted_senders

CASES = [
    (planted_outside.environment, [planted_outside.Environment], "planted/environment/ada.count: "),
    (planted_outside.closure, [planted_outside.Closure], "planted/closure/ada.count: "),
    (planted_outside.context, [planted_outside.Context], "planted/context/ada.total: "),
    (planted_outside.thread_local, [planted_outside.ThreadLocal], "planted/thread-local/ada.total: "),
    (planted_outside.registry, [planted_outside.Registry], "planted/registry/ada.total: "),
    (planted_outside.mutable_default, [planted_outside.MutableDefault], "planted/mutable-default/ada.total: "),
    (planted_outside.attempts, [planted_outside.Attempts], "planted/attempts/x.tried: "),
    (planted_outside.after_error, [planted_outside.AfterError], "planted/after-error/ada.total: "),
    (planted_outside.freed, [planted_outside.Deleted], "planted/deleted/ada.freed: "),
    (
        planted_outside.activity_without_a_key,
        [planted_outside.Shop, planted_outside.charge],
        "what the scenario returns: ",
    ),
    (planted_outside.task_left, [planted_outside.TaskLeft], "what the scenario returns: "),
    (
        planted_senders.float_sum,
        [planted_senders.Summing, planted_senders.Paying, planted_senders.Payday],
        "planted/summing/s.total: ",
    ),
    (planted_senders.two_targets, [planted_senders.Doors, planted_senders.Door], "planted/doors/d.log: "),
    (planted_senders.last_answer, [planted_senders.LastAnswer, planted_senders.Echo], "planted/last-answer/x.answer: "),
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
        (planted_runs.Drawn, "a second run differs from the first: planted/drawn/x.number: "),
        (planted_runs.Identified, "a second run differs from the first: planted/identified/x.key: "),
        (planted_runs.Elapsing, "with another wall clock: planted/elapsing/x.began: "),
        (planted_runs.LocalTime, "with another wall clock: planted/local-time/x.day: "),
        (planted_runs.Formatted, "with another wall clock: planted/formatted/x.day: "),
    ],
)
def test_what_no_message_decides_is_found_without_faults(cls: Any, what: str) -> None:
    with pytest.raises(SimulationError) as raised:
        simulate(functools.partial(planted_outside.start, cls=cls), cls, seeds=1)

    assert raised.value.seed is None
    assert raised.value.what.startswith(what)


@pytest.mark.parametrize(
    ("scenario", "cls", "what"),
    [
        (planted_runs.hashed, planted_runs.Hashed, r"planted/hashed/x\.shard: "),
        (planted_runs.process, planted_runs.Process, r"planted/process/x\.number: "),
    ],
)
def test_what_a_process_decides_is_found_by_other_interpreters(scenario: planted.Scenario, cls: Any, what: str) -> None:
    with pytest.raises(SimulationError, match=what):
        simulate(scenario, cls, seeds=1, hash_seeds=2)


def test_what_the_page_on_testing_says_is_not_found_is_not() -> None:
    simulate(planted_outside.cached_method, planted_outside.CachedMethod, seeds=20)
