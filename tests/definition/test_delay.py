"""Delays and timeouts in milliseconds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from statefun_actors.definition import delay_ms, timeout_ms
from statefun_actors.errors import ValueMismatchError


@pytest.mark.parametrize("least", [1e-300, 1e-9, 4e-7, 0.001, timedelta(microseconds=1)])
def test_less_than_a_millisecond_is_rounded_up(least: float | timedelta) -> None:
    assert timeout_ms(least) == delay_ms(least) == 1


def test_no_delay_is_none() -> None:
    assert delay_ms(0) == delay_ms(0.0) == delay_ms(timedelta()) == 0


def test_a_number_that_cannot_be_printed_is_refused() -> None:
    with pytest.raises(ValueMismatchError) as caught:
        delay_ms(-(10**5000))

    assert str(caught.value) == "expected a delay of zero or more, got <int that can't be printed>"
