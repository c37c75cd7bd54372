"""The orders example under the faults of many seeds: the money is right."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from orders import Approval, Charge, Charged, Declined, Mail, Order, Place, Stock, charge

from statefun_actors import NotOpenError
from statefun_actors.testing import TestRuntime, simulate

PEN = Stock.at("pen")
START = datetime(2026, 3, 27, 12, tzinfo=UTC)
ORDERS = {
    "1": Place("pen", 2, 50_00),
    "2": Place("pen", 3, 60_00),
    "3": Place("pen", 1, 500_00),
    "4": Place("pen", 4, 7),
}


class Bank:
    """It takes money once for each key, as banks do, and declines the fourth order."""

    def __init__(self) -> None:
        self.taken: dict[str, tuple[str, int]] = {}
        self.calls: dict[str, int] = defaultdict(int)

    async def charge(self, message: Charge, key: str) -> Charged | Declined:
        self.calls[key] += 1
        if self.calls[key] == 1 and message.order == "2":
            raise ConnectionResetError("the bank restarts")
        if message.order == "4":
            return Declined("no money")
        self.taken.setdefault(key, (message.order, message.cents))
        return Charged(key)


def a_week_of_orders(seeds: int) -> None:
    bank = Bank()

    async def scenario(runtime: TestRuntime) -> None:
        bank.taken.clear()
        bank.calls.clear()
        for id, placed in ORDERS.items():
            await runtime.tell(Order.at(id), placed)
        await runtime.clock.advance(timedelta(days=1))
        for mail in runtime.egress("shop/mails"):
            if isinstance(mail, Mail) and mail.link:
                try:
                    await runtime.answer(mail.link.removeprefix("/replies/"), Approval(approved=True))
                except NotOpenError:  # in this run it came too late
                    continue
        await runtime.clock.advance(timedelta(days=7))

    def money_is_right(runtime: TestRuntime) -> None:
        orders = {id: runtime.state(Order.at(id)) for id in ORDERS}
        taken = sorted(bank.taken.values())
        assert len(taken) == len(set(taken)), f"charged twice: {taken}"
        paid = {id for id, order in orders.items() if order.state == "paid"}
        assert paid <= {id for id, _ in taken}, f"{paid} are paid, the bank took {taken}"
        assert all(cents == ORDERS[id].cents for id, cents in taken)
        stock = runtime.state(PEN)
        assert stock.left + sum(stock.reserved.values()) == 100
        assert not any(order.state in {"reserving", "waiting", "paying"} for order in orders.values()), orders
        receipts = [mail for mail in runtime.egress("shop/mails") if mail.text.startswith("paid")]
        assert sorted(mail.order for mail in receipts) == sorted(paid)
        assert (runtime.asks, runtime.schedules, runtime.dead_letters) == ([], [], [])

    simulate(scenario, Order, Stock, charge.replaced(bank.charge), seeds=seeds, invariant=money_is_right, start=START)


def test_the_money_is_right() -> None:
    a_week_of_orders(seeds=60)


@pytest.mark.slow
def test_the_money_is_right_for_thousands_of_seeds() -> None:
    a_week_of_orders(seeds=5_000)
