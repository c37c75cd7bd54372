"""State and messages through crashes of Flink and of the endpoint: nothing is lost, nothing counts twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TypeAlias

import pytest

from statefun_actors import Address
from tests.flink.app import Count
from tests.flink.app import Counter as CounterEntity
from tests.flink.jvm import Started
from tests.flink.seen import Flink
from tests.flink.served import ServedApp

pytestmark = pytest.mark.flink

KEYS = 20
EACH = 40


def counts(flink: Flink, times: int) -> Iterator[tuple[Address, object]]:
    """A message for each key, *times* times."""
    for at in range(KEYS * times):
        yield flink.at(CounterEntity, f"{at % KEYS}"), Count(1)


Told: TypeAlias = dict[str, list[int]]
"""Who and what → its counts, in the order in which they were told."""


def everything(runs: list[Told]) -> dict[str, Counter[int]]:
    """The number of reports of each count."""
    found: dict[str, Counter[int]] = {}
    for run in runs:
        for who, numbers in run.items():
            found.setdefault(who, Counter()).update(numbers)
    return found


def assert_exact(flink: Flink, safe: int = EACH) -> None:
    """Every key was told every count up to the last, and none beyond it: once up to *safe*, and above that, once in
    each run of the job that had to do it again. Within a run, counts go up by one.
    """
    flink.until(
        lambda: sum(EACH in told for told in everything(flink.told_by_run()).values()) == 2 * KEYS, "all counts"
    )
    flink.settle()
    runs = flink.told_by_run()
    told = everything(runs)
    assert len(told) == 2 * KEYS
    for who, counts in told.items():
        assert sorted(counts) == list(range(1, EACH + 1)), who
        assert {number: times for number, times in counts.items() if number <= safe and times > 1} == {}, who
    for run in runs:
        for who, numbers in run.items():
            assert numbers == list(range(numbers[0], numbers[-1] + 1)), who


def test_counts_are_exact_through_crashes_of_the_job(flink: Flink) -> None:
    safe = EACH // 2
    flink.send_all(counts(flink, safe))
    flink.wait_records(2 * KEYS * safe)
    flink.checkpoint()
    flink.send_all(counts(flink, EACH // 4))
    flink.wait_records(2 * KEYS * safe + KEYS)  # it is in the middle of it
    flink.crash()
    flink.send_all(counts(flink, EACH - safe - EACH // 4))
    flink.crash()

    assert_exact(flink, safe)
    assert len(flink.told_by_run()) == 3


def test_an_endpoint_that_dies_and_comes_back_loses_nothing(flink: Flink, served: ServedApp) -> None:
    flink.send_all(counts(flink, EACH // 2))
    flink.wait_records(KEYS * EACH // 4)
    served.kill()
    flink.send_all(counts(flink, EACH // 2))
    served.start()

    assert_exact(flink)


def test_an_endpoint_that_is_replaced_loses_nothing(flink: Flink, served: ServedApp) -> None:
    flink.send_all(counts(flink, EACH // 2))
    flink.wait_records(KEYS)
    flink.send_all(counts(flink, EACH // 2))
    status = served.stop()
    served.start()

    assert status == 0
    assert_exact(flink)


def test_a_restarted_job_is_not_taken_for_a_restored_one(flink: Flink) -> None:
    flink.checkpoint()
    with pytest.raises(AssertionError, match="began anew"):
        flink._assert_restored(Started(restored=False, offset=0))
    with pytest.raises(AssertionError, match="it went back to message 0"):
        flink._assert_restored(Started(restored=True, offset=0))
