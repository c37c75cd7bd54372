"""``concurrency=`` in an endpoint: over threads, event loops and protocols, and batches that leave the queue."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from statefun_actors import Address, Context, Discard, Entity, RequestReplyHandler, StatefulFunctions, handles
from statefun_actors.dispatch import Application
from statefun_actors.endpoint.gates import Gate, gate_of
from tests.http.serving import request

SOON = 30


class Site:
    """Where handlers wait."""

    running = most = 0
    go: asyncio.Event
    began: asyncio.Event


class Limited(Entity, typename="test/limited", concurrency=2, on_failure=Discard()):
    @handles(int, timeout=60)
    async def work(self, message: int) -> None:
        Site.running += 1
        Site.most = max(Site.most, Site.running)
        Site.began.set()
        try:
            await Site.go.wait()
        finally:
            Site.running -= 1

    @handles(str)
    def at_once(self, message: str) -> None: ...


@pytest.fixture(autouse=True)
def _site() -> None:
    Site.running = Site.most = 0
    Site.go, Site.began = asyncio.Event(), asyncio.Event()


def asked(handler: RequestReplyHandler, id: str, message: object = 1, protocol: int = 3) -> asyncio.Task[bytes]:
    return asyncio.create_task(handler.handle(request(Address("test/limited", id), message, protocol=protocol)))


async def until_running(count: int) -> None:
    async with asyncio.timeout(SOON):
        while Site.running < count:
            Site.began.clear()
            await Site.began.wait()


async def test_the_limit_of_concurrent_requests_covers_all_protocols() -> None:
    three, two = RequestReplyHandler(Limited), RequestReplyHandler(Limited, protocol=2)
    tasks = [asked(three, "a"), asked(two, "b", protocol=2), asked(three, "c"), asked(two, "d", protocol=2)]
    await until_running(2)
    for _ in range(20):
        await asyncio.sleep(0)
    assert Site.running == 2

    Site.go.set()
    await asyncio.wait_for(asyncio.gather(*tasks), SOON)

    assert (Site.most, Site.running) == (2, 0)


async def test_a_batch_that_is_cancelled_leaves_the_queue_and_its_place() -> None:
    handler = RequestReplyHandler(Limited)
    running = [asked(handler, "a"), asked(handler, "b")]
    await until_running(2)
    waiting = [asked(handler, "c"), asked(handler, "d")]
    for _ in range(5):
        await asyncio.sleep(0)

    waiting[0].cancel()
    running[0].cancel()
    await asyncio.wait([waiting[0], running[0]])
    await until_running(2)
    Site.go.set()
    await asyncio.wait_for(asyncio.gather(running[1], waiting[1]), SOON)

    assert (waiting[0].cancelled(), running[0].cancelled(), Site.most) == (True, True, 2)
    Site.go.clear()
    again = [asked(handler, id) for id in "ef"]  # all places are free again
    await until_running(2)
    Site.go.set()
    await asyncio.wait_for(asyncio.gather(*again), SOON)


async def test_plain_handlers_of_the_type_wait_too_and_others_do_not() -> None:
    handler = RequestReplyHandler(Limited)
    tasks = [asked(handler, "a"), asked(handler, "b")]
    await until_running(2)
    plain = asked(handler, "c", "at once")
    await asyncio.wait([plain], timeout=0.01)
    assert not plain.done()

    Site.go.set()
    await asyncio.wait_for(asyncio.gather(plain, *tasks), SOON)


def test_it_counts_over_threads_and_their_event_loops() -> None:
    functions, lock = StatefulFunctions(), threading.Lock()
    running = most = 0
    both = threading.Barrier(2, timeout=SOON)

    @functions.bind("test/limited", concurrency=2)
    async def work(context: Context, message: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        await asyncio.to_thread(both.wait)
        with lock:
            running -= 1

    handler = RequestReplyHandler(functions)
    bodies = [request(Address("test/limited", str(n)), n) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(handler, bodies, timeout=SOON))

    assert (most, running) == (2, 0)


def test_the_gate_of_threads_lets_one_after_the_other_in() -> None:
    gate, inside, most = Gate("test/fn", 1), 0, 0

    def go(_: int) -> None:
        nonlocal inside, most
        gate.enter_thread()
        inside += 1
        most = max(most, inside)
        inside -= 1
        gate.leave()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(go, range(200), timeout=SOON))

    assert (most, inside) == (1, 0)


async def test_a_long_wait_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate("test/fn", 1, patience=0.001)
    await gate.enter()
    waiting = [asyncio.create_task(gate.enter()) for _ in range(2)]
    await asyncio.wait(waiting, timeout=0.05)
    for task in waiting:
        gate.leave()
        await task
    gate.leave()

    assert caplog.record_tuples == [
        (
            "statefun_actors.endpoint",
            logging.WARNING,
            "test/fn: a batch has waited 0.001 s for one of 1 places (concurrency=1). Flink counts that towards its "
            "call timeout; raise concurrency=, or make the handlers shorter (logged once)",
        )
    ]


def test_a_place_is_not_given_to_a_loop_that_is_closed() -> None:
    gate = Gate("test/fn", 1)
    gate.enter_thread()
    loop = asyncio.new_event_loop()
    waiting = gate.enter()
    loop.run_until_complete(_first_step(waiting))
    loop.close()

    gate.leave()
    gate.enter_thread()  # which would wait for ever


async def _first_step(work: object) -> None:
    work.send(None)  # type: ignore[attr-defined]


def test_a_function_without_concurrency_has_no_gate() -> None:
    class Free(Entity, typename="test/free"):
        @handles(int)
        def work(self, message: int) -> None: ...

    routes = Application(Free, Limited).served

    assert gate_of(routes["test/free"].function) is None
    assert gate_of(routes["test/limited"].function) is gate_of(routes["test/limited"].function)
