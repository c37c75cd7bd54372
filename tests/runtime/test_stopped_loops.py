"""Code of a handler that stops an event loop of the library, or stays in it, hurts no other message."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import pytest

from statefun_actors import Discard, Entity, RequestReplyHandler, Runtime, handles, persisted
from statefun_actors.system import run_in_own_loop
from statefun_actors.testing import given
from tests.http.serving import request

GOES_ON = "code of the application stopped the event loop {}; it goes on (logged once)"
BY_EXIT = GOES_ON.format("by SystemExit: 3, in a callback or a task")
DISCARDED = (
    "test/stopping/a: discarded of type io.statefun.types/string: HandlerExitError: Stopping.stop raised "
    "SystemExit(3); a handler can't stop the process. Raise TerminalError to give up."
)


async def leave() -> None:
    await asyncio.sleep(0)
    sys.exit(3)


async def in_a_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(leave())


async def awaited() -> None:
    await asyncio.create_task(leave())


async def gathered() -> None:
    await asyncio.gather(leave(), leave())


async def left() -> None:
    asyncio.get_running_loop().call_soon(sys.exit, 3)


async def stopped() -> None:
    asyncio.get_running_loop().stop()


WAYS: dict[str, Callable[[], Awaitable[None]]] = {
    each.__name__: each for each in (in_a_group, awaited, gathered, left, stopped)
}


class Stopping(Entity, typename="test/stopping", on_failure=Discard()):
    count: int = persisted(default=0)

    @handles
    async def stop(self, message: str) -> None:
        await WAYS[message]()

    @handles
    async def add(self, message: int) -> int:
        self.count += message
        return self.count


@pytest.mark.parametrize("way", ["in_a_group", "awaited", "gathered"])
def test_a_task_that_exits_fails_the_message_that_awaits_it_and_the_runtime_goes_on(
    way: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Runtime(Stopping) as runtime:
        runtime.tell(Stopping.at("a"), way)
        assert runtime.ask(Stopping.add, "a", 1) == 1
        assert runtime.ask(Stopping.add, "b", 2) == 2

    assert [text for text in caplog.messages if "never retrieved" not in text] == [BY_EXIT, DISCARDED]


@pytest.mark.parametrize(("way", "how"), [("left", BY_EXIT), ("stopped", GOES_ON.format("by loop.stop()"))])
def test_a_loop_that_is_stopped_goes_on(way: str, how: str, caplog: pytest.LogCaptureFixture) -> None:
    with Runtime(Stopping) as runtime:
        runtime.tell(Stopping.at("a"), way)
        assert runtime.ask(Stopping.add, "a", 1) == 1
        assert runtime.ask(Stopping.add, "b", 2) == 2

    assert caplog.messages == [how]


@pytest.mark.parametrize("way", ["in_a_group", "awaited", "gathered"])
def test_a_task_that_exits_fails_the_message_that_awaits_it_in_other_loops_of_the_library(
    way: str, caplog: pytest.LogCaptureFixture
) -> None:
    handler = RequestReplyHandler(Stopping)

    handler(request(Stopping.at("a"), way, state={"count": None}))
    assert [text for text in caplog.messages if "never retrieved" not in text] == [BY_EXIT, DISCARDED]

    assert [str(each) for each in given(Stopping, "a").when(way).dead_letters] == [
        "Stopping.stop raised SystemExit(3); a handler can't stop the process. Raise TerminalError to give up."
    ]


class Staying(Entity, typename="test/staying"):
    @handles
    async def call(self, message: str) -> str:
        _ = asyncio.get_running_loop().run_in_executor(None, ENDS.wait)
        return message

    @handles
    async def stay(self, message: int) -> int:
        async def deaf() -> None:
            while not ENDS.is_set():
                try:
                    await asyncio.sleep(0.01)
                except asyncio.CancelledError:
                    continue

        _ = asyncio.create_task(deaf())  # noqa: RUF006 - a handler that does not care
        await asyncio.sleep(0)
        return message


ENDS = threading.Event()


@pytest.fixture
def _ends() -> Generator[None]:
    ENDS.clear()
    yield
    ENDS.set()


@pytest.mark.usefixtures("_ends")
@pytest.mark.parametrize("message", ["a call in a thread", 7])
def test_what_a_handler_leaves_behind_does_not_delay_the_response(
    message: str | int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("statefun_actors.system.left_tasks._LAST_SECONDS", 0.01)
    handler = RequestReplyHandler(Staying)

    assert handler(request(Staying.at("a"), message))
    assert given(Staying, "a").when(message).reply == message
    with Runtime(Staying) as runtime:
        runtime.tell(Staying.at("a"), message)
        began = time.monotonic()
    assert time.monotonic() - began < 20, "it waited for what never ends"


def test_the_end_of_a_loop_waits_for_no_calls_whatever_version_of_python_asks_for_it() -> None:
    async def work() -> str:
        loop: Any = asyncio.get_running_loop()
        await loop.shutdown_default_executor()
        await loop.shutdown_default_executor(300)  # as asyncio from Python 3.12 on
        return "done"

    assert run_in_own_loop(work()) == "done"


class Raising(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise RuntimeError("no log")


def test_a_handler_of_logging_that_raises_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    raising = Raising()
    logging.getLogger().addHandler(raising)
    try:
        with Runtime(Stopping) as runtime:
            for way in ("in_a_group", "stopped"):
                runtime.tell(Stopping.at("a"), way)
            assert runtime.ask(Stopping.add, "a", 1) == 1
    finally:
        logging.getLogger().removeHandler(raising)
    assert "RuntimeError: no log" in capsys.readouterr().err
