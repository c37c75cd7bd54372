"""What one batch does: detached instances, addresses, handlers that try to leave."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest

from statefun_actors import Address, DeadLetter, DetachedEntityError, Entity, RequestReplyHandler, handles, persisted
from statefun_actors.interrupts import owning_process
from tests.conformance.cases.vocabulary import ASKER, PROBE, letters
from tests.conformance.engine import Start
from tests.conformance.sections import BATCHES as B


class Account(Entity, typename="conf/detached-account"):
    """Has an ``__init__`` that must not be needed."""

    balance: int = persisted(default=0)

    def doubled(self) -> int:
        return 2 * self.balance

    @handles(int)
    def deposit(self, message: int) -> int:
        self.balance += message
        return self.doubled()

    @handles(str)
    def mistype(self, message: str) -> None:
        self.balence = 5


@B.once("B58", "Account(balance=3) is a detached instance, for tests of its plain methods")
def detached() -> None:
    account = Account(balance=3)
    assert account.doubled() == 6
    assert account.deposit(2) == 10


@B.once("B59", "self.send and self.id on a detached instance raise")
def detached_sends() -> None:
    account = Account(balance=3)
    with pytest.raises(DetachedEntityError):
        account.send(PROBE, 1)
    with pytest.raises(DetachedEntityError):
        account.id  # noqa: B018 - it raises


@B.case(
    "B60", "assigning an undeclared attribute is an AttributeError with the line to add, and nothing is lost silently"
)
async def undeclared(start: Start) -> None:
    async with start(Account) as engine:
        await engine.tell(Account.at("a"), "x")
        assert engine.failures == ["UndeclaredAttributeError"]
        [reason] = engine.reasons
        assert "`balence: <type> = persisted(default=...)`" in reason
        assert engine.state(Account.at("a")) == {}


class Leaving(Entity, typename="conf/leaving", on_failure=DeadLetter("conf/letters", attempts=1)):
    """Tries to end more than its message."""

    raising: ClassVar[dict[str, type[BaseException]]] = {
        "exit": SystemExit,
        "cancel": asyncio.CancelledError,
        "generator": GeneratorExit,
        "interrupt": KeyboardInterrupt,
    }

    @handles(str)
    def plain(self, message: str) -> str:
        if message in self.raising:
            raise self.raising[message]
        return message

    @handles(bool)
    async def awaiting(self, message: bool) -> None:
        await asyncio.sleep(0)
        raise SystemExit if message else asyncio.CancelledError

    @handles(int)
    async def cancelling(self, message: int) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        for _ in range(message):
            await asyncio.sleep(0)


@B.case("B61", "Whatever leaves a handler is a failure of its message; the engine and the endpoint live and answer")
async def leaving(start: Start) -> None:
    with owning_process():
        async with start(Leaving) as engine:
            for way in ("exit", "cancel", "generator", "interrupt", True, False, 0, 1):
                await engine.tell(Leaving.at("a"), "before", way, "after", caller=ASKER)
            assert [sent.value for sent in engine.sent] == ["before", "after"] * 8
            told = letters(engine.egress("conf/letters"))
            assert [letter["error_type"] for letter in told] == ["HandlerExitError"] * 8


@B.once("B62", "handler(data) inside a running event loop raises, pointing to `await handler.handle(data)`", "wire")
async def inside_a_loop() -> None:
    with pytest.raises(RuntimeError, match=r"await handler\.handle\(data\)"):
        RequestReplyHandler(Account)(b"")


@B.once("B63", "@handles(A, B) takes several types")
def several() -> None:
    class Several(Entity, typename="conf/several"):
        @handles(int, str)
        def take(self, message: int | str) -> None: ...

    assert {"io.statefun.types/long", "io.statefun.types/string"} <= set(Several.__function_type__.handlers)


@B.once("B64", "Address(typename, id) has .typename .namespace .name .id")
def addresses() -> None:
    address = Address("bank/account", "a")
    assert (address.typename, address.namespace, address.name, address.id) == ("bank/account", "bank", "account", "a")


@B.once("B65", 'Account.at("a") == Address(<its typename>, "a")')
def at() -> None:
    assert Account.at("a") == Address("conf/detached-account", "a")
    assert hash(Account.at("a")) == hash(Address("conf/detached-account", "a"))
