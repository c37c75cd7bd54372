"""Open asks and recurring messages when classes change: what is reported at start, and what was= moves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any as Untyped

import pytest

from statefun_actors import Address, Entity, NoAnswer, answers, handles, persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import find_changes
from statefun_actors.store import MemoryStore, Store
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing import TestRuntime

Make = Callable[[], Store]


@pytest.fixture(params=["memory", "disk"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Opens the same store each time."""
    if request.param == "memory":
        memory = MemoryStore()
        return lambda: memory
    return lambda: SqliteStore(tmp_path / "store.db")


class Stock(Entity, typename="shop/stock"):
    asked: list[Address] = persisted(factory=list)

    @handles
    def reserve(self, message: int) -> None:
        assert self.caller is not None
        self.asked.append(self.caller)

    @handles
    def beat(self, message: bool) -> None: ...


def order(typename: str = "shop/order", was: Untyped = (), keep: type = str) -> type[Entity]:
    class Order(Entity, typename=typename, was=was):
        seen: list[str] = persisted(factory=list)
        fired: int = persisted(default=0)

        @handles(str)
        def place(self, message: str) -> None:
            kept = keep(1)
            self.ask(Address("shop/stock", "pen"), 1, then=self.reserved, keep=kept, timeout=timedelta(days=9))
            self.send_every(timedelta(hours=1), self.address, 1, name="remind")
            self.send_every(timedelta(hours=1), Address("shop/stock", "pen"), True, name="beat")

        @handles(int)
        def remind(self, message: int) -> None:
            self.fired += 1

        @handles(float)
        def cease(self, message: float) -> None:
            self.cancel_every("remind")

        @answers
        def reserved(self, answer: int | NoAnswer, kept: keep) -> None:  # type: ignore[valid-type]
            self.seen.append(f"{answer} {kept}")

    return Order


class WithoutThen(Entity, typename="shop/order"):
    seen: list[str] = persisted(factory=list)
    fired: int = persisted(default=0)

    @handles
    def place(self, message: str) -> None: ...


async def placed(make: Make, cls: type[Entity]) -> None:
    async with TestRuntime(cls, Stock, store=make()) as runtime:
        await runtime.tell(Address(cls.__function_type__.typename, "1"), "new")


def losses(make: Make, *served: object) -> list[str]:
    store = make()
    found = find_changes(Application(*served), store, 0)
    store.close()
    assert not found.unreadable
    return [str(loss) for loss in found.losses]


async def test_nothing_is_reported_where_nothing_has_changed(make: Make) -> None:
    await placed(make, order())

    assert losses(make, order(), Stock) == []


async def test_an_open_ask_whose_method_is_gone_and_a_recurring_message_without_a_handler_are_counted(
    make: Make,
) -> None:
    await placed(make, order())

    assert losses(make, WithoutThen, Stock) == [
        "shop/order: no method takes answers as 'reserved' any more; it is that of 1 open ask, whose answer becomes a "
        "dead letter, unless a failure policy says otherwise. If it was renamed, write @answers(name='reserved') on "
        "it.",
        "shop/order: no handler takes io.statefun.types/long any more; 1 recurring message of it would fail at each "
        "firing. Keep the handler.",
    ]


async def test_a_function_type_that_is_gone_is_counted_with_its_asks_and_what_recurs_for_it(make: Make) -> None:
    await placed(make, order())

    assert losses(make, Stock) == [
        "shop/order: nothing serves it any more; the store keeps 1 open ask, 1 recurring message of it. Serve it "
        "again, or put was='shop/order' on the class that replaces it."
    ]


async def test_an_unreadable_keep_of_an_open_ask_refuses_the_start(make: Make) -> None:
    await placed(make, order())
    store = make()

    found = find_changes(Application(order(keep=int), Stock), store, 0)
    store.close()

    [unreadable] = found.unreadable
    assert (unreadable.what, unreadable.count, unreadable.first) == (
        "keep= of open asks for 'reserved'",
        1,
        "shop/order/1",
    )
    assert str(unreadable).endswith(
        "Old type: str. New type: int. Changed: the type was str, is int. "
        "Keep its type, or let the old version take the answers first, or cancel the asks."
    )


async def test_was_moves_asks_and_recurring_messages(make: Make) -> None:
    await placed(make, order())
    new = order("shop/purchase", "shop/order")
    address = Address("shop/purchase", "1")

    async with TestRuntime(new, Stock, store=make()) as runtime:
        [ask] = runtime.asks
        before = [(each.name, each.sender, each.target) for each in runtime.schedules]
        [caller] = runtime.state(Address("shop/stock", "pen")).asked
        await runtime.answer(caller, 5)
        await runtime.clock.advance(timedelta(hours=2))
        seen, fired = runtime.state(address).seen, runtime.state(address).fired
        await runtime.tell(address, "new")
        schedules = len(runtime.schedules)
        await runtime.tell(address, 0.5)
        await runtime.clock.advance(timedelta(hours=2))
        after = [each.name for each in runtime.schedules]
        fired_after = runtime.state(address).fired

    assert ask.asker == address
    assert before == [
        ("beat", address, Address("shop/stock", "pen")),
        ("remind", address, address),
    ]
    assert (seen, fired) == (["5 1"], 2)
    assert schedules == 2  # the same ones, not two more
    assert (after, fired_after) == (["beat"], 2)
