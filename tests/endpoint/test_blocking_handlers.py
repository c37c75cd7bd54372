"""Blocking handlers in an endpoint: those that never return, and those that wait for a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

from statefun_actors import Address, DeadLetter, Entity, RequestReplyHandler, handles
from tests.http.serving import request

SOON = 30
LIMIT = 0.02
AT_ONCE = 3


class Hung(Entity, typename="test/hung", on_failure=DeadLetter("test/dead", attempts=1)):
    go: ClassVar[threading.Event]

    @handles(int, blocking=True, timeout=LIMIT)
    def wait(self, message: int) -> None:
        assert Hung.go.wait(SOON)


class Quick(Entity, typename="test/quick", on_failure=DeadLetter("test/dead", attempts=1)):
    @handles(int, blocking=True, timeout=LIMIT)
    def answer(self, message: int) -> int:
        Quick.ran = True
        return message

    ran: ClassVar[bool]


@pytest.fixture(autouse=True)
def _go() -> Iterator[None]:
    Hung.go, Quick.ran = threading.Event(), False
    yield
    Hung.go.set()


async def test_handlers_that_never_return_stop_no_others() -> None:
    handler = RequestReplyHandler(Hung, Quick, handler_threads=AT_ONCE)
    requests = [request(Address("test/hung", str(number)), 1) for number in range(AT_ONCE + 1)]
    hung = await asyncio.wait_for(asyncio.gather(*map(handler.handle, requests)), SOON)

    thread = await asyncio.wait_for(handler.app.threads.begin(lambda: "free"), SOON)

    assert [b"HandlerTimeoutError" in response for response in hung] == [True] * (AT_ONCE + 1)
    assert await thread.call.result == "free"


async def test_a_wait_for_a_thread_is_no_part_of_the_time_limit() -> None:
    handler = RequestReplyHandler(Hung, Quick, handler_threads=AT_ONCE)
    threads = [await handler.app.threads.begin(lambda: Hung.go.wait(SOON)) for _ in range(AT_ONCE)]
    asked = asyncio.create_task(handler.handle(request(Address("test/quick", "a"), 1)))

    done, _ = await asyncio.wait([asked], timeout=2 * LIMIT)
    meanwhile = bool(done), Quick.ran
    Hung.go.set()
    await asyncio.gather(*(thread.call.result for thread in threads))
    await asyncio.wait_for(asked, SOON)

    assert meanwhile == (False, False)
    assert Quick.ran
