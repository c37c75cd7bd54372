"""``Backoff``."""

from __future__ import annotations

import pytest

from statefun_actors.backoff import Backoff


def test_each_pause_is_twice_the_one_before_until_the_longest() -> None:
    backoff = Backoff(0.1, 1.0)

    assert [backoff.seconds(failures) for failures in range(1, 7)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


@pytest.mark.parametrize("failures", [100, 10_000_000])
def test_any_number_of_failures_has_a_pause(failures: int) -> None:
    assert Backoff(0.1, 60.0).seconds(failures) == 60.0
    assert Backoff(0.1).seconds(failures) == 0.1 * 2.0**60


def test_a_spread_pause_is_between_half_and_all_of_it() -> None:
    backoff = Backoff(0.5, 8.0)

    assert [backoff.spread(2, chance) for chance in (0.0, 0.5)] == [0.5, 0.75]
