"""A changed method for answers while asks are open, and a handler that only functions may call now."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any as Untyped

import pytest
from google.protobuf.any_pb2 import Any

from statefun_actors import Address, Entity, NoAnswer, answers, handles, persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import Check, Engine, LossRefusedError, ManualClock, find_changes
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack
from tests.engine.engines import running, send

NEVER = Address("elsewhere/checker", "silent")


def order(answer: Untyped = int | str | NoAnswer, keep: Untyped = str, kept: object = "x") -> type[Entity]:
    """``shop/order``, whose method takes *answer* and *keep*; None: it takes only the answer."""

    def without(self: object, answer: object) -> None: ...

    def with_keep(self: object, answer: object, kept: object) -> None: ...

    method: Untyped = without if keep is None else with_keep
    method.__name__ = "reserved"
    method.__annotations__ |= {"answer": answer} if keep is None else {"answer": answer, "kept": keep}

    class Order(Entity, typename="shop/order"):
        seen: list[str] = persisted(factory=list)
        reserved = answers(method)

        @handles
        def place(self, message: str) -> None:
            given: Untyped = {} if keep is None else {"keep": kept}
            self.ask(NEVER, 1, then=self.reserved, timeout=timedelta(days=9), **given)

    return Order


async def losses(path: Path, old: type[Entity], new: type[Entity], asks: int = 1) -> list[str]:
    """What is reported at the start of *new* on a store in which *old* has open asks."""
    async with TestRuntime(old, store=SqliteStore(path)) as runtime:
        for number in range(asks):
            await runtime.tell(Address("shop/order", f"{number}"), "new")
    store = SqliteStore(path)
    try:
        found = find_changes(Application(new), store, 0)
        assert not found.unreadable
        if found.losses:
            with pytest.raises(LossRefusedError):
                Engine(Application(new), store, ManualClock(), check_changes=Check(strict=True))
        return [str(loss) for loss in found.losses]
    finally:
        store.close()


@pytest.mark.parametrize(
    ("old", "new", "asks", "loss"),
    [
        (
            order(),
            order(answer=str | NoAnswer),
            1,
            "'reserved' no longer takes int; it is that of 1 open ask, whose answer can be of that "
            "type. Such an answer is refused, or becomes a dead letter, unless a failure policy says otherwise. Keep "
            "the type while asks are open.",
        ),
        (
            order(answer=Any | NoAnswer),
            order(answer=str | NoAnswer),
            2,
            "'reserved' no longer takes types of all kinds; it is that of 2 open asks, whose answers can be of that "
            "type. Such an answer is refused, or becomes a dead letter, unless a failure policy says otherwise. Keep "
            "the type while asks are open.",
        ),
        (
            order(),
            order(keep=None),
            1,
            "'reserved' no longer takes the value of keep=; it is that of 1 open ask, whose value is dropped. Keep its "
            "second parameter while asks are open.",
        ),
        (
            order(keep=None),
            order(),
            2,
            "'reserved' now needs the value of keep=; it is that of 2 open asks, which have none: its second parameter "
            "is None then. Let its type include None while asks are open.",
        ),
        (
            order(keep=list[str], kept=["abcd", "abcd"]),
            order(keep=list[bytes]),
            2,
            "in keep= of 'reserved', a value of type str is read as bytes, which has another meaning; it is that of 2 "
            "open asks, of shop/order/0 first, at `$[0]`. Keep its type while asks are open.",
        ),
    ],
)
async def test_what_open_asks_would_lose_is_reported_and_a_strict_start_refuses_it(
    tmp_path: Path, old: type[Entity], new: type[Entity], asks: int, loss: str
) -> None:
    [found] = await losses(tmp_path / "store.db", old, new, asks)

    assert found.replace("shop/order/1", "shop/order/0") == f"shop/order: {loss}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (order(), order(answer=int | str | bool | NoAnswer)),
        (order(), order(answer=Any | NoAnswer)),
        (order(keep=None), order(keep=str | None)),
        (order(keep=str | None, kept=None), order(keep=None)),
    ],
)
async def test_a_method_that_takes_all_that_its_open_asks_have_is_not_reported(
    tmp_path: Path, old: type[Entity], new: type[Entity]
) -> None:
    assert await losses(tmp_path / "store.db", old, new) == []


def stock(*, internal: bool) -> type[Entity]:
    class Stock(Entity, typename="shop/stock"):
        taken: int = persisted(default=0)

        @handles(internal=internal)
        def take(self, message: int) -> None:
            raise ValueError("not yet")

        @handles
        def remind(self, message: str) -> None:
            self.send_after(timedelta(days=1), self.address, 1)

    return Stock


async def test_messages_from_outside_for_a_handler_that_became_internal_are_counted(tmp_path: Path) -> None:
    path, address = tmp_path / "store.db", Address("shop/stock", "pen")
    store = SqliteStore(path)
    async with running(stock(internal=False), store=store) as engine:
        send(engine, address, pack("now"))  # its delayed message is of the entity
        send(engine, address, pack(1), delay_ms=3_600_000)
        await engine.idle()
        send(engine, address, pack(1))
        await engine.settled()
    store.close()
    store = SqliteStore(path)
    try:
        same = find_changes(Application(stock(internal=False)), store, 0)
        found = find_changes(Application(stock(internal=True)), store, 0)
    finally:
        store.close()

    assert (same.losses, found.unreadable) == ([], [])
    assert [str(loss) for loss in found.losses] == [
        "shop/stock: the handler of io.statefun.types/long takes messages from inside only now (internal=True); 1 "
        "waiting and 1 delayed messages from outside become dead letters, unless a failure policy says otherwise. Let "
        "the old version handle them first."
    ]
