"""Throttle writes one log line a minute of each kind, with the number of lines left out."""

from __future__ import annotations

from statefun_actors.system import Throttle, repeats


def test_each_kind_is_written_once_a_minute_with_the_number_of_lines_left_out() -> None:
    now = 100.0
    throttle = Throttle(60, lambda: now)

    first = [throttle.due("a"), throttle.due("b"), throttle.due("a"), throttle.due("a")]
    now += 59.9
    soon = throttle.due("a")
    now += 0.1
    later = [throttle.due("a"), throttle.due("a"), throttle.due("b")]

    assert (first, soon, later) == ([0, 0, None, None], None, [3, None, 0])


def test_memory_is_bounded_with_any_number_of_kinds() -> None:
    throttle = Throttle(60, lambda: 0.0)

    for number in range(5_000):
        throttle.due(number)
        throttle.due(number)

    assert len(throttle._written) <= 1_000
    assert len(throttle._left_out) <= 1_000


def test_the_number_of_lines_left_out_is_shown() -> None:
    assert repeats(0) == ""
    assert repeats(19_399) == " (19,399 more since the last such line; at most one in 60 s is written)"
