"""A deadline for calls that don't keep their own."""

from __future__ import annotations

import threading

import pytest

from statefun_actors.connectors.kafka.deadline import within


def test_the_result_of_a_call_in_time_is_returned() -> None:
    assert within(30.0, lambda: 7) == 7


def test_the_error_of_a_call_in_time_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        within(30.0, lambda: 1 // 0)


def test_a_call_that_does_not_end_is_left_to_itself() -> None:
    goes_on = threading.Event()

    with pytest.raises(TimeoutError):
        within(0.01, goes_on.wait)

    goes_on.set()
