"""State and messages through crashes of Flink and of the endpoint: nothing is lost, nothing counts twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from statefun_actors import Address
from tests.flink.app import Count, Counter
from tests.flink.seen import Flink, seen_in
from tests.flink.served import ServedApp

pytestmark = pytest.mark.flink

KEYS = 20
EACH = 100


def counts(flink: Flink, times: int) -> Iterator[tuple[Address, object]]:
    """A message for each key, *times* times."""
    for at in range(KEYS * times):
        yield flink.at(Counter, f"{at % KEYS}"), Count(1)


def highest(flink: Flink) -> dict[str, set[int]]:
    """Each key's counts, as its entity and that entity's total told them."""
    found: dict[str, set[int]] = {}
    for record in flink.records():
        id, what, number = seen_in(record)
        found.setdefault(f"{what} {id}", set()).add(number)
    return found


def assert_exact(flink: Flink) -> None:
    """Every key was told every count up to the last, and none beyond it."""
    flink.until(lambda: sum(EACH in told for told in highest(flink).values()) == 2 * KEYS, "all counts")
    flink.settle()
    told = [numbers for what, numbers in highest(flink).items() if "settled" not in what]
    assert told == [set(range(1, EACH + 1))] * 2 * KEYS


def test_counts_are_exact_through_crashes_of_the_job(flink: Flink) -> None:
    flink.send_all(counts(flink, EACH // 2))
    flink.wait_records(KEYS * EACH // 4)  # it is in the middle of it
    flink.crash()
    flink.send_all(counts(flink, EACH // 4))
    flink.crash()
    flink.send_all(counts(flink, EACH // 4))

    assert_exact(flink)


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
