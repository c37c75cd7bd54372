"""What one batch does: handlers in threads and in time, instances, addresses, handlers that try to leave."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta
from typing import ClassVar

import pytest

from statefun_actors import (
    Address,
    Context,
    DeadLetter,
    DetachedEntityError,
    Entity,
    RequestReplyHandler,
    Settings,
    StatefulFunctions,
    create_app,
    handles,
    persisted,
)
from statefun_actors.dispatch import owning_process
from statefun_actors.settings import ENDPOINT_DEFAULTS
from tests.conformance.cases.vocabulary import ASKER, PROBE, letters, logged
from tests.conformance.engine import Start
from tests.conformance.sections import BATCHES as B
from tests.http.serving import request
from tests.http.test_endpoint import Client


class Threads(Entity, typename="conf/threads"):
    """Sends the thread that it runs in."""

    n: int = persisted(default=0)

    @handles(int)
    def plain(self, message: int) -> None:
        asyncio.get_running_loop()
        self.send(PROBE, threading.get_ident())

    @handles(str, blocking=True)
    def blocking(self, message: str) -> str:
        self.n += 1
        self.send(PROBE, threading.get_ident())
        return message

    @handles(float)
    def slow(self, message: float) -> None:
        end = time.monotonic() + message
        while time.monotonic() < end:
            pass


THREADS = Threads.at("a")


@B.case("B47", "plain def handlers run on the event loop")
async def on_the_loop(start: Start) -> None:
    async with start(Threads) as engine:
        await engine.tell(THREADS, 1)
        assert [sent.value for sent in engine.sent] == [threading.get_ident()]


@B.case("B48", "a handler that holds the event loop over 100 ms is logged once, named")
async def held(start: Start) -> None:
    async with start(Threads) as engine:
        with logged("statefun_actors.dispatch") as lines:
            await engine.tell(THREADS, 0.0)
            await engine.tell(THREADS, 0.11, 0.11)
        assert len(lines) == 1
        assert lines[0].startswith("Threads.slow held the event loop for ")


@B.case("B49", "@handles(X, blocking=True) runs in a thread; what it changes, sends and returns counts as any other's")
async def in_a_thread(start: Start) -> None:
    async with start(Threads) as engine:
        await engine.tell(THREADS, "x", "y", caller=ASKER)
        assert threading.get_ident() not in [sent.value for sent in engine.sent if sent.target == PROBE]
        assert [sent.value for sent in engine.sent if sent.target == ASKER] == ["x", "y"]
        assert engine.state(THREADS) == {"n": 2}


functions = StatefulFunctions()


@functions.bind("conf/blocking", blocking=True)
def blocking(context: Context, message: int) -> None:
    """Replies whether it runs in a thread."""
    context.pack_and_send("probe/x", "1", threading.current_thread() is threading.main_thread())


@functions.bind("conf/slow", timeout=timedelta(milliseconds=1))
async def slow(context: Context, message: int) -> None:
    """Never ends."""
    await asyncio.Event().wait()


@B.case("B50", "bind(…, blocking=True) runs in a thread")
async def function_in_a_thread(start: Start) -> None:
    async with start(functions) as engine:
        await engine.tell(Address("conf/blocking", "a"), 1)
        assert [sent.value for sent in engine.sent] == [False]


class Late(Entity, typename="conf/late", on_failure=DeadLetter("conf/letters", attempts=1)):
    """Has handlers that do not end in time."""

    release: ClassVar[threading.Event]
    n: int = persisted(default=0)

    @handles(str, timeout=timedelta(milliseconds=1))
    async def never(self, message: str) -> None:
        self.n += 100
        self.send(PROBE, message)
        await asyncio.Event().wait()

    @handles(float, blocking=True, timeout=0.001)
    def in_a_thread(self, message: float) -> None:
        Late.release.wait()
        self.n += 1_000

    @handles(bool)
    async def without(self, message: bool) -> None:
        await asyncio.Event().wait()

    @handles(int)
    def add(self, message: int) -> None:
        self.n += message


LATE = Late.at("a")


@B.case("B51", "@handles(X, timeout=…): expiry is a failure like any other, of an async handler or one in a thread")
async def expiry(start: Start) -> None:
    Late.release = threading.Event()
    async with start(Late) as engine:
        await engine.tell(LATE, 1, "x", 0.5, 2)
        Late.release.set()
        assert engine.state(LATE) == {"n": 3}
        assert engine.sent == []
        found = [(letter["error_type"], letter["error"]) for letter in letters(engine.egress("conf/letters"))]
        assert found == [
            (
                "HandlerTimeoutError",
                f"Late.{name} did not finish within 0.001 s. Raise its timeout=, or make it shorter.",
            )
            for name in ("never", "in_a_thread")
        ]


@B.case("B52", "bind(…, timeout=) likewise")
async def function_expiry(start: Start) -> None:
    async with start(functions) as engine:
        await engine.tell(Address("conf/slow", "a"), 1)
        assert engine.failures == ["HandlerTimeoutError"]


@B.case("B53", "the app's handler_timeout is for handlers without one of their own")
async def of_the_app(start: Start) -> None:
    async with start(Late, settings=Settings(handler_timeout=timedelta(milliseconds=1))) as engine:
        await engine.tell(LATE, 1, True, 2)
        assert engine.state(LATE) == {"n": 3}
        assert [letter["error_type"] for letter in letters(engine.egress("conf/letters"))] == ["HandlerTimeoutError"]


@B.once("B54", "serve: 50 s, under Flink's call timeout", "wire")
async def of_serve() -> None:
    assert ENDPOINT_DEFAULTS.handler_timeout == 50
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("statefun_actors.http.app.ENDPOINT_DEFAULTS", Settings(handler_timeout=0.001))
        status, text = await Client(create_app(Bare)).body(request(Bare.at("a"), True)).ask()
    assert (status, text) == (
        500, b"HandlerTimeoutError: Bare.wait did not finish within 0.001 s. Raise its timeout=, or make it shorter.\n"
    )  # fmt: skip


class Bare(Entity, typename="conf/bare-waiter"):
    @handles(bool)
    async def wait(self, message: bool) -> None:
        await asyncio.Event().wait()


class Suspended(Entity, typename="conf/suspended"):
    """Reports its start and its end, and waits in between."""

    log: ClassVar[list[str]] = []
    begun: ClassVar[asyncio.Event]
    go_on: ClassVar[asyncio.Event]

    @handles(str)
    async def wait(self, message: str) -> None:
        Suspended.log.append(f"{self.id} {message} begins")
        Suspended.begun.set()
        try:
            await Suspended.go_on.wait()
        finally:
            await asyncio.sleep(0)
            Suspended.log.append(f"{self.id} {message} ends")


def fresh() -> None:
    Suspended.log.clear()
    Suspended.begun, Suspended.go_on = asyncio.Event(), asyncio.Event()


@B.once(
    "B55", "a batch whose connection closes is cancelled, and the address's next does not start before it ended", "wire"
)
async def closed() -> None:
    fresh()
    handler = RequestReplyHandler(Suspended)
    first = asyncio.ensure_future(handler.handle(request(Suspended.at("a"), "first")))
    await Suspended.begun.wait()
    second = asyncio.ensure_future(handler.handle(request(Suspended.at("a"), "second")))
    await asyncio.sleep(0)
    first.cancel()
    Suspended.go_on.set()
    await second
    assert first.cancelled()
    assert Suspended.log == ["a first begins", "a first ends", "a second begins", "a second ends"]


@B.case("B56", "handlers of one batch run one after another")
async def one_after_another(start: Start) -> None:
    fresh()
    Suspended.go_on.set()
    async with start(Suspended) as engine:
        await engine.tell(Suspended.at("a"), "first", "second")
        assert Suspended.log == ["a first begins", "a first ends", "a second begins", "a second ends"]


@B.case("B57", "async handlers of different addresses run together")
async def together(start: Start) -> None:
    fresh()
    async with start(Suspended) as engine:
        batches = [asyncio.ensure_future(engine.tell(Suspended.at(id), "x")) for id in "abc"]
        async with asyncio.timeout(60):
            while len(Suspended.log) < 3:
                Suspended.begun.clear()
                await Suspended.begun.wait()
        assert sorted(Suspended.log) == ["a x begins", "b x begins", "c x begins"]
        Suspended.go_on.set()
        await asyncio.gather(*batches)
        assert len(Suspended.log) == 6


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
