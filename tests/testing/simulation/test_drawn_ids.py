"""Ids that the library draws, such as those of activities, differ between runs and are no difference of results."""

from __future__ import annotations

from statefun_actors import Entity, NoAnswer, activity, answers, handles, persisted
from statefun_actors.testing import TestRuntime, simulate


@activity("kit/charge", attempts=3, backoff=5.0)
async def charge(message: str, key: str) -> str:
    raise ValueError("down")


@activity("kit/name", attempts=3)
async def name(message: str, key: str) -> str:
    return key


class Order(Entity, typename="kit/order"):
    count: int = persisted(default=0)

    @handles
    def place(self, message: str) -> None:
        self.count += 1
        self.ask(charge, message, then=self.charged)

    @handles
    def note(self, message: int) -> None:
        self.ask(name, str(message), then=self.named, keep=message)

    @answers
    def charged(self, answer: str | NoAnswer) -> None: ...

    @answers
    def named(self, answer: str | NoAnswer, number: int) -> None:
        if not isinstance(answer, NoAnswer):
            self.send(Receipt.at(answer), number)


class Receipt(Entity, typename="kit/receipt"):
    number: int = persisted(default=0)

    @handles
    def fill(self, message: int) -> None:
        self.number = message


async def two_orders(runtime: TestRuntime) -> None:
    await runtime.tell(Order.at("x"), "one")
    await runtime.tell(Order.at("x"), "two")


def test_waiting_attempts_of_activities_are_the_same_in_each_run() -> None:
    simulate(two_orders, Order, charge, name, Receipt, seeds=20)


def test_fields_of_entities_with_drawn_ids_are_compared_without_the_ids() -> None:
    async def two_receipts(runtime: TestRuntime) -> None:
        await runtime.tell(Order.at("x"), 1)
        await runtime.tell(Order.at("x"), 2)

    simulate(two_receipts, Order, charge, name, Receipt, seeds=20)
