"""Handlers that wait: timeouts, threads, cancellation, and coroutines that are closed."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress
from datetime import timedelta

import pytest

from statefun_actors import Context, Discard, Entity, StatefulFunctions, activity, handles, persisted
from statefun_actors.dispatch import Application, LoopHeld, dispatch
from statefun_actors.model import Done, Failed, Outcome
from statefun_actors.types import pack
from tests.dispatch.world import VirtualHost, World, run_plain, text_of

SOON = 30


class Doors:
    """Where handlers of a test wait, each until the test opens it."""

    entered: asyncio.Event
    go: asyncio.Event
    thread_entered: threading.Event
    thread_go: threading.Event
    thread_done: threading.Event
    seen: list[str]


@pytest.fixture(autouse=True)
def doors() -> None:
    Doors.entered, Doors.go = asyncio.Event(), asyncio.Event()
    Doors.thread_entered, Doors.thread_go = threading.Event(), threading.Event()
    Doors.thread_done = threading.Event()
    Doors.seen = []


class Waiter(Entity, typename="test/waiter"):
    count: int = persisted(default=0)

    @handles(int, timeout=5)
    async def wait(self, message: int) -> None:
        self.count += message
        Doors.entered.set()
        try:
            await Doors.go.wait()
        finally:
            Doors.seen.append("let go")

    @handles(str, blocking=True, timeout=timedelta(seconds=5))
    def block(self, message: str) -> str:
        self.count += 1
        Doors.thread_entered.set()
        assert Doors.thread_go.wait(SOON)
        try:
            self.count += 100
        except Exception as error:
            Doors.seen.append(text_of(error))
        finally:
            Doors.thread_done.set()
        return message

    @handles(float, timeout=5)
    async def swallow(self, message: float) -> str:
        """Ends without an error, although it is cancelled at its timeout."""
        self.count += 1
        Doors.entered.set()
        with suppress(asyncio.CancelledError):
            await Doors.go.wait()
        return "done"

    @handles(bytes)
    def hold(self, message: bytes) -> None:
        host.advance(message[0] / 100)


host = VirtualHost()


async def begun(world: World, *messages: object) -> asyncio.Task[Outcome]:
    task = asyncio.create_task(world.outcome(*messages))
    await asyncio.wait_for(Doors.entered.wait(), SOON)
    return task


async def thread_begun(world: World, *messages: object) -> asyncio.Task[Outcome]:
    task = asyncio.create_task(world.outcome(*messages))
    assert await asyncio.to_thread(Doors.thread_entered.wait, SOON)
    return task


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_handler_that_waits_goes_on_where_it_was() -> None:
    world = World(Waiter)
    task = await begun(world, 1, 2)

    Doors.go.set()

    outcome = await task
    assert isinstance(outcome, Done)
    assert outcome.changes == {"count": pack(3)}


async def test_a_timeout_is_a_failure_like_any_other() -> None:
    world = World(Waiter)
    task = await begun(world, 1)

    world.host.advance(5)

    outcome = await task
    assert isinstance(outcome, Failed)
    assert outcome.index == 0
    assert text_of(outcome.error) == (
        "HandlerTimeoutError: Waiter.wait did not finish within 5 s. Raise its timeout=, or make it shorter."
    )
    assert Doors.seen == ["let go"]


@pytest.mark.parametrize("on_failure", [None, Discard()])
async def test_a_handler_that_swallows_its_cancellation_has_timed_out_all_the_same(on_failure: Discard | None) -> None:
    world = World(Waiter, on_failure=on_failure)
    task = await begun(world, 0.5)

    world.host.advance(5)

    outcome = await task
    assert isinstance(outcome, Failed | Done)
    assert isinstance(outcome, Done) == (on_failure is not None)
    error = outcome.error if isinstance(outcome, Failed) else outcome.failures[0].error
    assert text_of(error) == (
        "HandlerTimeoutError: Waiter.swallow did not finish within 5 s. Raise its timeout=, or make it shorter."
    )
    if isinstance(outcome, Done):
        assert (outcome.changes, outcome.effects) == ({}, [])


async def test_a_timed_out_message_is_rolled_back_under_a_policy() -> None:
    world = World(Waiter, on_failure=Discard())
    task = await begun(world, 1)

    world.host.advance(5)

    outcome = await task
    assert isinstance(outcome, Done)
    assert (outcome.changes, len(outcome.failures)) == ({}, 1)


async def test_a_blocking_handler_runs_outside_the_loop_and_its_reply_counts() -> None:
    world = World(Waiter)
    task = await thread_begun(world, "reply")

    Doors.thread_go.set()

    outcome = await task
    assert isinstance(outcome, Done)
    assert outcome.changes == {"count": pack(101)}
    assert [getattr(effect, "value", None) for effect in outcome.effects] == [pack("reply")]


async def test_a_thread_past_its_timeout_changes_nothing() -> None:
    world = World(Waiter)
    task = await thread_begun(world, "reply")
    world.host.advance(5)

    outcome = await task

    assert isinstance(outcome, Failed)
    Doors.thread_go.set()
    assert await asyncio.to_thread(Doors.thread_done.wait, SOON)
    # What it still holds in its instance nobody looks at.
    assert world.state["count"] is None


async def test_a_batch_that_is_cancelled_lets_go_of_its_handler() -> None:
    task = await begun(World(Waiter, on_failure=Discard()), 1)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert Doors.seen == ["let go"]


async def test_a_batch_that_is_cancelled_waits_for_its_thread() -> None:
    task = await thread_begun(World(Waiter), "reply")
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=0.01)
    assert not done

    Doors.thread_go.set()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_batch_that_is_cancelled_waits_for_its_thread_until_its_timeout(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(Waiter)
    task = await thread_begun(world, "reply")
    world.host.advance(3)
    task.cancel()
    await turns()
    world.host.advance(1.9)
    await turns()
    assert not task.done()

    world.host.advance(0.2)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, SOON)
    assert "Waiter.block: its call did not end within 5 s" in caplog.text
    Doors.thread_go.set()


@pytest.mark.parametrize("on_failure", [None, Discard()], ids=["no policy", "a policy"])
def test_a_dispatch_that_is_closed_closes_its_handler(on_failure: Discard | None) -> None:
    async def close() -> None:
        world = World(Waiter, on_failure=on_failure)
        dispatching = dispatch(world.batch(1), world.app, world.host)
        dispatching.send(None)

        dispatching.close()

        assert Doors.seen == ["let go"]

    asyncio.run(close())


def test_a_handler_that_holds_the_loop_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    world = World(Waiter, host=host)

    with caplog.at_level(logging.WARNING, "statefun_actors.dispatch"):
        run_plain(world, bytes([10]), bytes([11]), bytes([25]), bytes([12]))

    assert caplog.messages == [
        "Waiter.hold held the event loop for 110 ms, and everything else had to wait; unless the machine is just too "
        "busy, make it shorter, or let it run in a thread: @handles(..., blocking=True) (logged once)"
    ]
    assert world.app.diagnostics.longest_held == {"Waiter.hold": pytest.approx(0.25)}


def test_the_advice_for_one_that_holds_the_loop_fits_functions_and_activities(caplog: pytest.LogCaptureFixture) -> None:
    functions = StatefulFunctions()

    @functions.bind("test/held")
    async def held(context: Context, message: int) -> None: ...

    @activity("test/outside")
    async def outside(message: int) -> None: ...

    diagnostics = Application(functions, outside).diagnostics
    with caplog.at_level(logging.WARNING, "statefun_actors.dispatch"):
        diagnostics.loop_held(LoopHeld("test/held", 0.2))
        diagnostics.loop_held(LoopHeld("test/outside", 0.2))

    busy = "held the event loop for 200 ms, and everything else had to wait; unless the machine is just too busy, "
    assert caplog.messages == [
        f"test/held {busy}make it shorter, or let it run in a thread: bind(..., blocking=True) (logged once)",
        f"test/outside {busy}make it shorter, or make it a plain `def`, which runs in a thread (logged once)",
    ]
