"""Activities in a test: replaced by a function or a method, or called as a function."""

from __future__ import annotations

import asyncio

from statefun_actors.conversations import Activity
from statefun_actors.testing import TestRuntime
from tests.conversations.charging import CALLS, Charge, Charged, Order, charge, in_test, notify


def test_an_activity_is_replaced_in_a_test() -> None:
    async def work(runtime: TestRuntime) -> None:
        assert await runtime.ask(Order.at("o"), Charge(5), str) == "fake"
        assert CALLS == []

    in_test(work, Order, charge.replaced(lambda message: Charged("fake")), notify)


def test_an_activity_is_replaced_by_a_method_of_an_object() -> None:
    class Bank:
        taken = 0

        async def charge(self, message: Charge, key: str) -> Charged:
            self.taken += message.cents
            return Charged(f"fake, key of {len(key)}")

    bank = Bank()

    async def work(runtime: TestRuntime) -> None:
        assert await runtime.ask(Order.at("o"), Charge(5), str) == "fake, key of 32"
        assert bank.taken == 5

    in_test(work, Order, charge.replaced(bank.charge), notify)


def test_calling_an_activity_calls_its_function() -> None:
    assert isinstance(charge, Activity)
    CALLS.clear()

    assert asyncio.run(charge(Charge(1), "k")) == Charged("k")
