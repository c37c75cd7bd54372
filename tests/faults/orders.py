"""The orders of one run: what is sent, and what must come of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final, TypeAlias

import attrs

from statefun_actors import Address, KafkaRecord
from statefun_actors.testing import TestRuntime
from tests.faults.app import TICKS, Customer, Ledger, Order, Report, Stock

ITEMS: Final = 7

Sent: TypeAlias = tuple[str, str, bytes]
"""A record to the application: topic, key, value."""


@attrs.frozen
class Orders:
    """``each`` orders of each of ``customers``. Runs with different names have nothing to do with each other."""

    customers: int
    each: int
    run: str = ""

    @property
    def told(self) -> int:
        """The number of records of all orders, without reports."""
        return self.customers * (3 * self.each + TICKS)

    @property
    def reporting(self) -> int:
        """The number of entities."""
        return self.customers + 2 * ITEMS

    def sent(self) -> Iterator[Sent]:
        """All orders. Those of one customer have rising numbers."""
        for number in range(self.customers * self.each):
            order = {"number": number, "item": f"{self.run}{number % ITEMS}"}
            yield "faults.customer.order", f"{self.run}{number % self.customers}", json.dumps(order).encode()

    def reports(self) -> Iterator[Sent]:
        """The request of each entity's state."""
        for number in range(self.customers):
            yield "faults.customer.report", f"{self.run}{number}", b"{}"
        for number in range(ITEMS):
            yield "faults.stock.report", f"{self.run}{number}", b"{}"
            yield "faults.ledger.report", f"{self.run}{number}", b"{}"

    def outcome(self, told: Iterable[tuple[str, bytes]]) -> Outcome:
        """The outcome of this run, of all records of the topic (key, value)."""
        mine = [(key.removeprefix(self.run), value.decode()) for key, value in told if key.startswith(self.run)]
        ordered: dict[str, list[int]] = {}
        for key, value in mine:
            what, number = json.loads(value)
            if what == "ordered":
                ordered.setdefault(key, []).append(number)
        return Outcome(Counter(mine), all(numbers == sorted(numbers) for numbers in ordered.values()))


@attrs.frozen
class Outcome:
    """The records of a run, by key and value: all that was done, and the final states.

    ``in_order``: whether the orders of each customer were told in their order.
    """

    records: Counter[tuple[str, str]]
    in_order: bool

    def differs_from(self, other: Outcome) -> str:
        """What is missing and what is too much, in words; empty if nothing is."""
        missing, more = other.records - self.records, self.records - other.records
        return "; ".join(
            [
                *([f"{missing.total()} records are missing, such as {min(missing)}"] if missing else []),
                *([f"{more.total()} records are too many, such as {min(more)}"] if more else []),
                *([] if self.in_order else ["orders of one customer are out of order"]),
            ]
        )


async def without_faults(orders: Orders) -> Outcome:
    """The outcome of *orders* on the embedded engine, where nothing fails."""
    told: list[tuple[str, bytes]] = []
    async with TestRuntime(Customer, Stock, Ledger) as runtime:
        for _, id, value in orders.sent():
            await runtime.tell(Customer.at(id), Order(**json.loads(value)))
        await runtime.clock.advance(timedelta(seconds=TICKS + 2))
        for topic, id, _ in orders.reports():
            await runtime.tell(Address(f"faults/{topic.split('.')[1]}", id), Report())
        for record in runtime.egress("faults/told"):
            assert isinstance(record, KafkaRecord)
            assert record.key is not None
            told.append((record.key, record.value))
    assert not runtime.dead_letters
    return orders.outcome(told)
