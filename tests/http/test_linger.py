"""Which replies are held back, and for how long: by a clock of the test's own."""

from __future__ import annotations

import asyncio

import pytest

from statefun_actors import Address, Entity, RequestReplyHandler, handles, persisted
from statefun_actors.http.endpoint import EndpointRoute
from statefun_actors.http.failure_log import FailureLog
from statefun_actors.http.linger import COUNTED, MANY, RECENT, Linger
from statefun_actors.http.request import Request, Response
from statefun_actors.model import Batch, Invocation
from statefun_actors.types import pack
from statefun_actors.wire import V3
from tests.wire.reference import request

SECONDS = 0.25


class Time:
    """A clock that moves only where a test sets it, or something sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def linger(self, seconds: float = SECONDS) -> Linger:
        return Linger(seconds, self.monotonic, self.sleep)

    def messages(self, linger: Linger, a_second: float, times: int = COUNTED) -> None:
        """Batches of one message."""
        for _ in range(times):
            self.now += 1 / a_second
            assert linger.until(1) is None


def test_a_batch_of_two_is_held_while_many_messages_come() -> None:
    time = Time()
    linger = time.linger()
    time.messages(linger, MANY * 2)

    assert linger.until(2) == time.now + SECONDS
    assert linger.until(1) is None


def test_large_batches_are_held_although_few_requests_come() -> None:
    time = Time()
    linger = time.linger()
    for _ in range(5):
        time.now += 0.05
        assert linger.until(100) is not None


def test_nothing_is_held_while_few_messages_come() -> None:
    time = Time()
    linger = time.linger()
    assert linger.until(2) is None
    time.messages(linger, MANY / 2, times=COUNTED * 3)

    assert linger.until(COUNTED // 2) is None


def test_nothing_is_held_once_many_messages_are_a_while_ago() -> None:
    time = Time()
    linger = time.linger()
    time.messages(linger, MANY * 2)
    assert linger.until(2) is not None

    time.now += RECENT

    assert linger.until(2) is None


def test_nothing_is_held_where_it_is_switched_off() -> None:
    time = Time()
    linger = time.linger(0)
    time.messages(linger, MANY * 2)

    assert linger.until(2) is None


class Counter(Entity, typename="test/counter"):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.n += message


def body(*messages: int) -> bytes:
    return request(V3, Batch(Address("test/counter", "a"), {"n": None}, [Invocation(pack(n), None) for n in messages]))


async def response_to(endpoint: EndpointRoute, data: bytes) -> Response:
    response = endpoint.respond(Request("POST", b"/statefun", ()), data)
    if isinstance(response, Response):
        return response
    done: asyncio.Future[Response | None] = asyncio.get_running_loop().create_future()
    response.on_done(done.set_result)
    found = await done
    assert found is not None
    return found


async def answered(endpoint: EndpointRoute, data: bytes) -> bytes:
    response = await response_to(endpoint, data)
    assert response.status == 200, response
    return response.body


async def test_the_reply_that_was_held_is_the_same() -> None:
    time, handler = Time(), RequestReplyHandler(Counter)
    endpoint = EndpointRoute(handler, FailureLog(), time.linger())
    for _ in range(COUNTED):
        await answered(endpoint, body(1))
    assert time.slept == []

    reply = await answered(endpoint, body(1, 2))

    assert time.slept == [SECONDS]
    assert reply == await handler.handle(body(1, 2))


async def test_the_time_of_handlers_counts() -> None:
    time = Time()

    class Slow(Entity, typename="test/counter"):
        n: int = persisted(default=0)

        @handles(int)
        async def wait(self, message: int) -> None:
            time.now += message / 1000

    endpoint = EndpointRoute(RequestReplyHandler(Slow), FailureLog(), time.linger())
    for _ in range(COUNTED):
        await answered(endpoint, body(0))

    await answered(endpoint, body(100, 50))
    await answered(endpoint, body(200, 100))

    assert time.slept == [pytest.approx(0.1)]


async def test_a_failure_is_reported_at_once() -> None:
    time = Time()
    endpoint = EndpointRoute(RequestReplyHandler(Counter), FailureLog(), time.linger())
    for _ in range(COUNTED):
        await answered(endpoint, body(0))
    bad = request(V3, Batch(Address("test/counter", "a"), {"n": None}, [Invocation(pack("no"), None)] * 2))

    response = await response_to(endpoint, bad)

    assert (response.status, time.slept) == (500, [])
