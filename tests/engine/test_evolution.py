"""A class that changed between two runs starts where that does no harm, and says why where it can't."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any as Untyped

import pytest

from statefun_actors import Address, Entity, handles, persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, IncompatibleStateError, ManualClock
from statefun_actors.functions import StatefulFunctions
from statefun_actors.store import MemoryStore
from statefun_actors.types import pack, value_of
from tests.engine.engines import held, running, send


def account(annotation: Untyped = int, handler: Callable[..., None] | None = None, **field: Untyped) -> type[Entity]:
    """``bank/account`` with one field, ``balance``."""

    def note(self: Untyped, message: int) -> None:
        self.balance = message

    namespace = {
        "__annotations__": {"balance": annotation},
        "__module__": __name__,
        "__qualname__": "Account",
        "balance": persisted(**(field or {"default": 0})),
        "note": handles(int)(note) if handler is None else handler,
    }
    metaclass: Untyped = type(Entity)
    made: type[Entity] = metaclass("Account", (Entity,), namespace, typename="bank/account")
    return made


async def written_by(cls: type[Entity], *values: object, clock: ManualClock | None = None) -> MemoryStore:
    store = MemoryStore()
    async with running(cls, store=store, clock=clock) as engine:
        for number, value in enumerate(values):
            send(engine, cls.at(f"{number}"), pack(value))
        await engine.idle()
    return store


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def refusal(store: MemoryStore, *served: object) -> str:
    with pytest.raises(IncompatibleStateError) as raised:
        Engine(Application(*served), store, ManualClock())
    return str(raised.value)


REFUSED = "the store was written by another version of these classes, and this version can't read all of it:"


async def test_a_retyped_field_is_refused_with_the_old_type_the_new_one_and_the_ways_out() -> None:
    store = await written_by(account(int), 5)

    assert refusal(store, account(str, default="")) == (
        f"{REFUSED}\n"
        "  - bank/account: state 'balance' can't be read (bank/account/0): it is stored as 'io.statefun.types/long'. "
        "Old type: int. New type: str. Changed: the type was int, is str. "
        "Read the old type with persisted(..., convert=fn), or go back to the old type.\n"
        "Nothing was changed."
    )


async def test_a_refused_start_changes_nothing_and_the_old_class_goes_on() -> None:
    store = await written_by(account(int), 5)
    before = store.recover()
    refusal(store, account(str, default=""))

    assert store.recover() == before
    async with running(account(int), store=store) as engine:
        assert held(engine, account().at("0"), "balance") == 5


async def test_a_retyped_field_with_convert_starts_and_reads_the_old_state() -> None:
    store = await written_by(account(int), 5)

    def note(self: Untyped, message: int) -> None:
        self.balance += f" and {message}"

    newer = account(str, handles(int)(note), default="", convert=lambda stored: f"{value_of(stored)} cents")
    async with running(newer, store=store) as engine:
        send(engine, newer.at("0"), pack(1))
        await engine.idle()

        assert held(engine, newer.at("0"), "balance") == "5 cents and 1"


async def test_a_retyped_field_starts_where_no_entity_has_it() -> None:
    store = await written_by(account(int))
    newer = account(str, default="")

    async with running(newer, store=store):
        pass


async def test_a_type_that_reads_what_the_old_one_wrote_starts() -> None:
    store = await written_by(
        account(list[int], handles(int)(lambda self, message: self.balance.append(message)), factory=list), 5
    )

    async with running(account(list[float], factory=list), store=store):
        pass
    assert "state 'balance' can't be read (bank/account/0): expected `str`, got `int` - at `$[0]`" in refusal(
        store, account(list[str], factory=list)
    )


async def test_expired_state_does_not_prevent_a_start() -> None:
    clock, ttl = ManualClock(), timedelta(seconds=1)
    store = await written_by(account(int, default=0, expire_after_write=ttl), 5, clock=clock)
    clock.set_ms(clock.now_ms() + 2_000)

    async with running(account(str, default="", expire_after_write=ttl), store=store, clock=clock):
        pass


async def test_a_field_that_was_removed_keeps_its_state_and_is_checked_when_it_comes_back() -> None:
    store = await written_by(account(int), 5)

    class Bare(Entity, typename="bank/account"):
        other: int = persisted(default=0)

        @handles(int)
        def note(self, message: int) -> None:
            self.other = message

    async with running(Bare, store=store) as engine:
        send(engine, Bare.at("0"), pack(1))
        await engine.idle()
    complaint = refusal(store, account(str, default=""))
    async with running(account(int), store=store) as engine:
        balance = held(engine, account().at("0"), "balance")

    assert "it is stored as 'io.statefun.types/long'. Old type: unknown. New type: str." in complaint
    assert balance == 5


async def test_states_of_functions_are_checked_too() -> None:
    def functions(declared: type) -> StatefulFunctions:
        served = StatefulFunctions()

        @served.bind("test/greeter", states={"seen": declared})
        def greet(context: Untyped, message: int) -> None:
            context["seen"] = message

        return served

    store = MemoryStore()
    async with running(functions(int), store=store) as engine:
        send(engine, Address("test/greeter", "a"), pack(1))
        await engine.idle()

    assert "test/greeter: state 'seen' can't be read (test/greeter/a)" in refusal(store, functions(str))


async def test_every_state_that_cannot_be_read_is_reported_at_once() -> None:
    class Two(Entity, typename="test/two"):
        a: int = persisted(default=0)
        b: str = persisted(default="")

        @handles(int)
        def note(self, message: int) -> None:
            self.a, self.b = message, "b"

    store = await written_by(Two, 1)

    class Other(Entity, typename="test/two"):
        a: bool = persisted(default=False)
        b: bytes = persisted(default=b"")

    assert re.findall(r"state '(\w)'", refusal(store, Other)) == ["a", "b"]


async def test_messages_that_wait_for_a_handler_that_is_gone_are_named_and_can_be_tried_again_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def failing(self: Untyped, message: str) -> None:
        raise ValueError("not yet")

    def late(self: Untyped, message: str) -> None:
        self.balance += int(message)

    store = MemoryStore()
    before = account(int, handles(str)(failing))
    async with running(before, store=store) as engine:
        for _ in range(3):
            send(engine, before.at("a"), pack("7"))
        send(engine, before.at("a"), pack("8"), delay_ms=1_000)
        await engine.settled()
    caplog.clear()
    async with running(account(int), store=store) as engine:
        await engine.idle()
        warnings = [text for text in warnings_in(caplog) if "any more" in text]
    after = account(int, handles(str)(late))
    async with running(after, store=store) as engine:
        for letter in list(engine.view.dead_letters()):
            engine.changes.retry_dead_letter(letter.seq)
        await engine.idle()

        assert warnings == [
            "bank/account: no handler takes io.statefun.types/string any more; 3 waiting and 1 delayed messages "
            "become dead letters, unless a failure policy says otherwise. Keep the handler, or put it back and retry "
            "them."
        ]
        assert held(engine, after.at("a"), "balance") == 21


async def test_a_store_that_remembers_no_shapes_is_looked_through() -> None:
    store = await written_by(account(int), 5)
    for name in [name for name in store._positions if name.startswith("shape:")]:
        store._positions[name] = "[of another time]"

    assert "Old type: unknown. New type: str." in refusal(store, account(str, default=""))
    async with running(account(int), store=store):
        pass


async def test_shapes_that_earlier_versions_noted_are_understood() -> None:
    store = await written_by(account(int), 5)
    store._positions["shape:bank/account"] = (
        '{"states":{"balance":["io.statefun.types/long","`int`"]},"takes":["io.statefun.types/int"]}'
    )

    assert "Old type: int. New type: str." in refusal(store, account(str, default=""))
