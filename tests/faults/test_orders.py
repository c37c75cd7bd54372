"""The comparison of two runs finds a record that is lost, one that came twice, and orders that changed places."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.faults.orders import Orders

ORDERS = Orders(customers=2, each=2, run="a-")
TOLD = [("a-0", b'["ordered", 0]'), ("a-1", b'["ordered", 1]'), ("a-0", b'["ordered", 2]'), ("b-0", b'["ordered", 9]')]


@pytest.mark.parametrize(
    ("told", "difference"),
    [
        (TOLD[:3], ""),
        (TOLD[1:], """1 records are missing, such as ('0', '["ordered", 0]')"""),
        ([*TOLD, TOLD[0]], """1 records are too many, such as ('0', '["ordered", 0]'); """
         "orders of one customer are out of order"),
        ([TOLD[2], TOLD[1], TOLD[0]], "orders of one customer are out of order"),
    ],
)  # fmt: skip
def test_a_difference_between_two_runs_is_found(told: Iterable[tuple[str, bytes]], difference: str) -> None:
    assert ORDERS.outcome(told).differs_from(ORDERS.outcome(TOLD)) == difference
