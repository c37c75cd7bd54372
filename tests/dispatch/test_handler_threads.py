"""Threads of blocking handlers: how many run at once, when their time begins, and what happens to those given up."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

from statefun_actors import Discard, Entity, Settings, handles, persisted
from statefun_actors.dispatch.handler_threads import HandlerThread, HandlerThreads
from statefun_actors.model import Done, Failed
from statefun_actors.types import pack
from tests.dispatch.world import World, text_of

SOON = 30
AT_ONCE = Settings().handler_threads


class Held:
    """Calls that wait until the test lets them go."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()

    def call(self) -> None:
        self.begun.release()
        assert self.go.wait(SOON)


@pytest.fixture
def held() -> Iterator[Held]:
    held = Held()
    yield held
    held.go.set()


class Counting(Entity, typename="test/counting"):
    count: int = persisted(default=0)

    @handles(int, blocking=True, timeout=5)
    def add(self, message: int) -> None:
        self.count += message


async def given_up(threads: HandlerThreads, held: Held) -> HandlerThread[None]:
    thread = await asyncio.wait_for(threads.begin(held.call), SOON)
    threads.give_up(thread, "Bank.call", 5)
    return thread


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize("on_failure", [None, Discard(attempts=1)], ids=["no policy", "a policy"])
async def test_the_time_limit_begins_when_the_thread_does(held: Held, on_failure: Discard | None) -> None:
    world = World(Counting, on_failure=on_failure)
    running = [await world.app.threads.begin(held.call) for _ in range(AT_ONCE)]
    task = asyncio.create_task(world.outcome(1))
    await turns()

    world.host.advance(60)
    await turns()
    meanwhile = task.done()
    held.go.set()
    outcome = await asyncio.wait_for(task, SOON)
    await asyncio.gather(*(thread.call.result for thread in running))

    assert not meanwhile
    assert isinstance(outcome, Done)
    assert (outcome.changes, list(outcome.failures)) == ({"count": pack(1)}, [])


async def test_calls_above_the_limit_wait_in_order_and_each_end_begins_the_next() -> None:
    threads, all_held, begun = HandlerThreads(at_once=2), [Held() for _ in range(4)], list[int]()

    async def run(number: int) -> None:
        thread = await threads.begin(all_held[number].call)
        begun.append(number)
        await thread.call.result

    tasks = [asyncio.create_task(run(number)) for number in range(4)]
    await turns()
    seen = [list(begun)]
    for number in (1, 0, 2, 3):
        all_held[number].go.set()
        await asyncio.wait_for(tasks[number], SOON)
        await turns()
        seen.append(list(begun))

    assert seen == [[0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3]]


async def test_a_call_that_is_cancelled_while_it_waits_never_runs_and_leaves_the_queue(held: Held) -> None:
    world = World(Counting)
    running = [await world.app.threads.begin(held.call) for _ in range(AT_ONCE)]
    waiting = asyncio.create_task(world.outcome(1))
    await turns()

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(waiting, SOON)
    held.go.set()
    await asyncio.gather(*(thread.call.result for thread in running))

    assert world.app.threads._places._free == AT_ONCE


async def test_calls_that_were_given_up_leave_their_places_to_others(held: Held) -> None:
    threads = HandlerThreads(at_once=2, given_up=10)
    left = [await given_up(threads, held) for _ in range(6)]

    thread = await asyncio.wait_for(threads.begin(lambda: "done"), SOON)

    assert await asyncio.wait_for(thread.call.result, SOON) == "done"
    assert [each.call.result.done() for each in left] == [False] * 6
    held.go.set()
    await asyncio.gather(*(each.call.result for each in left))
    assert (threads._given_up, threads._places._free) == (0, 2)


async def test_a_call_that_has_ended_is_not_given_up(held: Held, caplog: pytest.LogCaptureFixture) -> None:
    threads = HandlerThreads(at_once=1)
    thread = await threads.begin(held.call)
    held.go.set()
    await thread.call.result

    threads.give_up(thread, "Bank.call", 5)

    assert (threads._given_up, threads._places._free, caplog.messages) == (0, 1, [])


async def test_the_threads_that_run_on_are_counted_in_one_line_a_minute(
    held: Held, caplog: pytest.LogCaptureFixture
) -> None:
    threads = HandlerThreads(at_once=2, given_up=10)

    with caplog.at_level(logging.WARNING, "statefun_actors.dispatch"):
        for _ in range(3):
            await given_up(threads, held)

    assert caplog.messages == [
        "Bank.call: its call did not end within 5 s, and nothing can end its thread, which runs on; threads that run "
        "on: 1. Set a timeout on what it waits for"
    ]


async def test_above_their_limit_threads_that_run_on_keep_their_places_until_they_end(
    held: Held, caplog: pytest.LogCaptureFixture
) -> None:
    threads = HandlerThreads(at_once=1, given_up=0)

    with caplog.at_level(logging.WARNING, "statefun_actors.dispatch"):
        left = await given_up(threads, held)
    waiting = asyncio.create_task(threads.begin(lambda: "done"))
    await turns()
    meanwhile = waiting.done()
    held.go.set()
    thread = await asyncio.wait_for(waiting, SOON)

    assert not meanwhile
    assert await thread.call.result == "done"
    assert left.has_ended
    assert caplog.messages == [
        "Bank.call: its call did not end within 5 s, and nothing can end its thread, which runs on; threads that run "
        "on: 1, of which those above 0 keep their places, so that fewer than 1 blocking handlers run at once. Set "
        "a timeout on what it waits for"
    ]


async def test_a_long_wait_for_a_thread_is_logged(held: Held, caplog: pytest.LogCaptureFixture) -> None:
    threads = HandlerThreads(at_once=1, patience=0.01)
    await threads.begin(held.call)

    with caplog.at_level(logging.WARNING, "statefun_actors.dispatch"):
        waiting = asyncio.create_task(threads.begin(lambda: "done"))
        async with asyncio.timeout(SOON):
            while not caplog.messages:  # noqa: ASYNC110 - a log record is no event
                await asyncio.sleep(0)
    held.go.set()
    await asyncio.wait_for(waiting, SOON)

    assert caplog.messages == [
        "a blocking handler has waited 0.01 s for a thread, since 1 run already; make them shorter, give them a "
        "timeout=, make them `async def`, or allow more of them with handler_threads="
    ]


class Hung(Entity, typename="test/hung"):
    held: ClassVar[Held]

    @handles(int, blocking=True, timeout=5)
    def wait(self, message: int) -> None:
        Hung.held.call()


async def test_more_handlers_than_places_that_never_return_stop_no_other(held: Held) -> None:
    Hung.held = held
    world = World(Hung)
    for _ in range(AT_ONCE + 1):
        task = asyncio.create_task(world.outcome(1))
        assert await asyncio.to_thread(held.begun.acquire, timeout=SOON)
        await turns()
        world.host.advance(5)
        outcome = await asyncio.wait_for(task, SOON)
        assert isinstance(outcome, Failed)
        assert text_of(outcome.error) == (
            "HandlerTimeoutError: Hung.wait did not finish within 5 s. Raise its timeout=, or make it shorter."
        )
