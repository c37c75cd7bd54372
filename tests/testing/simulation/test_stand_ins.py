"""Stand-ins of activities with state: each run of a simulation has its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from statefun_actors import Entity, NoAnswer, activity, answers, handles, persisted
from statefun_actors.testing import TestRuntime, simulate


@activity("stand/charge", attempts=10, backoff=0.1)
async def charge(message: int, key: str) -> str:
    return f"{message} {key}"


class Order(Entity, typename="stand/order"):
    state: str = persisted(default="")

    @handles
    def place(self, message: int) -> None:
        self.ask(charge, message, then=self.charged)

    @answers
    def charged(self, answer: str | NoAnswer) -> None:
        self.state = repr(answer)


class Bank:
    """Fails twice for each key."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    async def charge(self, message: int, key: str) -> str:
        self.calls[key] += 1
        if self.calls[key] <= 2:
            raise ConnectionError("the bank is away")
        return str(message)


def test_a_factory_gives_each_run_a_stand_in_of_its_own() -> None:
    banks: list[Bank] = []

    def bank() -> Callable[..., object]:
        banks.append(Bank())
        return banks[-1].charge

    async def scenario(runtime: TestRuntime) -> None:
        await runtime.tell(Order.at("1"), 5)
        await runtime.clock.advance(30)

    simulate(scenario, Order, charge.replaced_by(bank), seeds=5)

    used = [bank for bank in banks if bank.calls]
    assert len(used) == 8  # two runs without faults, one with another wall clock, five with faults
    assert all(sum(bank.calls.values()) >= 3 for bank in used)
