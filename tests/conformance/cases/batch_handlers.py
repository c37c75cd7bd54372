"""What one batch does: handlers in threads and in time, together or one after another."""

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
    Entity,
    RequestReplyHandler,
    Settings,
    StatefulFunctions,
    create_app,
    handles,
    persisted,
)
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
