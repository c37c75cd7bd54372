"""Async handlers that catch their cancellation and go on are given up, so that they hold up nothing."""

from __future__ import annotations

import asyncio
import logging
from contextvars import Context as CopiedContext
from contextvars import copy_context
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from statefun_actors import (
    Address,
    Context,
    Discard,
    Entity,
    StatefulFunctions,
    handles,
    persisted,
)
from statefun_actors.dispatch import Application, dispatch, in_handler_task
from statefun_actors.dispatch.given_up import GivenUp
from statefun_actors.model import Batch, Done, Failed, Invocation, Outcome
from statefun_actors.types import pack
from tests.dispatch.stayers import SOON, WAYS, Doors, Stayer, begun, end, late, stay, turns
from tests.dispatch.world import VirtualHost, World, text_of

LATE = "HandlerTimeoutError: {} did not finish within 5 s. Raise its timeout=, or make it shorter."


@pytest.fixture(autouse=True)
def given_up(monkeypatch: pytest.MonkeyPatch) -> GivenUp:
    Doors.entered, Doors.go, Doors.ended, Doors.seen = asyncio.Event(), asyncio.Event(), asyncio.Event(), []
    ours = GivenUp()
    monkeypatch.setattr("statefun_actors.dispatch.calling.given_up", ours)
    return ours


@pytest.fixture
def soon_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("statefun_actors.dispatch.handler_task.GRACE_SECONDS", 0.01)


@pytest.mark.parametrize("way", WAYS)
async def test_its_message_fails_by_the_timeout_and_nothing_that_it_does_later_counts(way: str) -> None:
    world = World(Stayer)
    outcome = await late(world.host, await begun(world, 1, way))

    assert isinstance(outcome, Failed)
    assert (outcome.index, text_of(outcome.error)) == (1, LATE.format("Stayer.stay"))
    await turns()
    assert Doors.seen == ["cancelled"] * (1 if way == "stay_in_a_group" else 2)
    await end()
    assert Doors.seen == ["DetachedEntityError"] * 2


@pytest.mark.parametrize("way", WAYS)
async def test_with_a_policy_it_is_tried_again_and_the_rest_of_the_batch_goes_on(way: str) -> None:
    world = World(Stayer, on_failure=Discard(attempts=2))
    task = await begun(world, 1, way, 2)

    for _ in range(2):
        await asyncio.wait_for(Doors.entered.wait(), SOON)
        Doors.entered.clear()
        world.host.advance(5.5)
        await turns()
        assert not task.done()
        world.host.advance(1.5)
    outcome = await asyncio.wait_for(task, SOON)

    assert isinstance(outcome, Done)
    assert (outcome.changes, list(outcome.effects)) == ({"count": pack(3)}, [])
    assert [(each.index, each.attempts, text_of(each.error)) for each in outcome.failures] == [
        (1, 2, LATE.format("Stayer.stay"))
    ]
    await end()


async def test_it_is_cancelled_twice_and_then_runs_on(given_up: GivenUp, caplog: pytest.LogCaptureFixture) -> None:
    world = World(Stayer)
    with caplog.at_level(logging.WARNING, "statefun_actors.dispatch"):
        for _ in range(2):
            Doors.entered.clear()
            await late(world.host, await begun(world, "stay"))
    await turns()

    assert Doors.seen == ["cancelled"] * 4
    assert len(given_up._tasks) == 2
    assert caplog.messages == [
        "Stayer.stay: it was cancelled at its timeout of 5 s, and still ran 1 s later, so it was given up: what it "
        "changes or sends from now on has no effect; handlers that run on: 1. Let it, and what it awaits, end on "
        "asyncio.CancelledError: catch Exception, not BaseException"
    ]
    await end()
    await turns()
    assert not given_up._tasks


class Careful(Entity, typename="test/careful-end"):
    @handles(int, timeout=5)
    async def work(self, message: int) -> None:
        task = asyncio.current_task()
        Doors.entered.set()
        try:
            await Doors.go.wait()
        finally:
            for _ in range(message):
                await asyncio.sleep(0)
            Doors.seen.append(asyncio.current_task() is task)


async def test_one_that_ends_soon_after_its_cancellation_stays_in_its_task(
    given_up: GivenUp, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(Careful)
    task = await begun(world, 5)

    world.host.advance(5)

    assert isinstance(await asyncio.wait_for(task, SOON), Failed)
    assert (Doors.seen, given_up._tasks, caplog.messages) == ([True], set(), [])


class Timed(Entity, typename="test/timed"):
    inner: ClassVar[asyncio.Timeout]
    begun_in: ClassVar[CopiedContext]
    count: int = persisted(default=0)

    @handles(str, timeout=5)
    async def stay(self, message: str) -> None:
        async with asyncio.timeout(3600) as inner:
            Timed.inner, Timed.begun_in = inner, copy_context()
            await stay()

    @handles(int, timeout=5)
    async def add(self, message: int) -> None:
        if message == 1:
            Timed.begun_in.run(Timed.inner.reschedule, 0)
            await turns()
            assert Timed.inner.expired()
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            self.count += message


async def test_a_timeout_that_it_began_does_not_cancel_the_next_message_whose_own_ones_work() -> None:
    world = World(Timed, on_failure=Discard())
    outcome = await late(world.host, await begun(world, "stay", 1, 2))
    Doors.go.set()

    assert isinstance(outcome, Done)
    assert [(failure.index, text_of(failure.error)) for failure in outcome.failures] == [(0, LATE.format("Timed.stay"))]
    assert outcome.changes == {"count": pack(3)}


@pytest.mark.usefixtures("soon_let_go")
@pytest.mark.parametrize("policy", [None, Discard()], ids=["no policy", "a policy"])
@pytest.mark.parametrize("message", [b"", *WAYS])
async def test_a_stopped_batch_ends_although_its_handler_does_not(
    message: object, policy: Discard | None, caplog: pytest.LogCaptureFixture
) -> None:
    task = await begun(World(Stayer, on_failure=policy), message, 1)

    with caplog.at_level(logging.WARNING, "statefun_actors.dispatch"):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, SOON)

    name = "Stayer.stay_without_a_limit" if message == b"" else "Stayer.stay"
    assert caplog.messages == [
        f"{name}: it was cancelled since its batch was stopped, and still ran 1 s later, so it was given up: what it "
        "changes or sends from now on has no effect; handlers that run on: 1. Let it, and what it awaits, end on "
        "asyncio.CancelledError: catch Exception, not BaseException"
    ]
    await end()
    assert Doors.seen == ["DetachedEntityError"] * 2


@pytest.mark.usefixtures("soon_let_go")
async def test_a_batch_that_is_stopped_after_a_timeout_ends_without_the_rest_of_the_grace(
    given_up: GivenUp,
) -> None:
    world = World(Stayer, on_failure=Discard())
    task = await begun(world, "stay_longer", 1)
    world.host.advance(5)
    await turns()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, SOON)
    assert (len(given_up._tasks), Doors.seen) == (1, ["cancelled"] * 3)


async def test_above_their_limit_those_that_run_on_keep_their_places_until_they_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("statefun_actors.dispatch.calling.given_up", GivenUp(most=0))
    world = World(Stayer)
    task = await begun(world, "stay")

    with caplog.at_level(logging.WARNING, "statefun_actors.dispatch"):
        world.host.advance(5)
        await turns()
        world.host.advance(1.1)
        await turns()
    meanwhile = task.done()
    Doors.go.set()
    outcome = await asyncio.wait_for(task, SOON)

    assert not meanwhile
    assert isinstance(outcome, Failed)
    assert text_of(outcome.error) == LATE.format("Stayer.stay")
    assert caplog.messages == [
        "Stayer.stay: it was cancelled at its timeout of 5 s, and still ran 1 s later, so it was given up: what it "
        "changes or sends from now on has no effect; handlers that run on: 1, of which those above 0 keep their places "
        "and their entities until they end. Let it, and what it awaits, end on asyncio.CancelledError: catch "
        "Exception, not BaseException"
    ]


class Exiting(Entity, typename="test/exiting"):
    @handles(int, timeout=5)
    async def exit(self, message: int) -> None:
        await stay()
        asyncio.get_running_loop().call_soon(Doors.ended.set)
        raise SystemExit


async def test_what_one_raises_later_reaches_nobody(given_up: GivenUp, caplog: pytest.LogCaptureFixture) -> None:
    world = World(Exiting)
    await late(world.host, await begun(world, 1))
    caplog.clear()

    await end()
    await turns()

    assert (given_up._tasks, caplog.messages) == (set(), [])


async def test_a_function_is_like_an_entity() -> None:
    functions = StatefulFunctions()

    @functions.bind("test/fn", timeout=timedelta(seconds=5))
    async def staying(context: Context, message: int) -> None:
        await stay()
        try:
            context.pack_and_send("test/fn", "b", 1)
        except Exception as error:
            Doors.seen.append(type(error).__name__)
        Doors.ended.set()

    host = VirtualHost()
    batch = Batch(Address("test/fn", "a"), {}, [Invocation(pack(1))])
    task = asyncio.create_task(in_handler_task(dispatch(batch, Application(functions), host)))
    await asyncio.wait_for(Doors.entered.wait(), SOON)

    outcome = await late(host, task)

    assert isinstance(outcome, Failed)
    assert text_of(outcome.error) == LATE.format("test/fn")
    await end()
    assert Doors.seen == ["DetachedEntityError"]


async def test_other_loops_end_without_those_that_run_on() -> None:
    def run() -> Any:
        async def main() -> Outcome:
            Doors.entered, Doors.go = asyncio.Event(), asyncio.Event()
            world = World(Stayer)
            return await late(world.host, await begun(world, "stay"))

        return asyncio.run(main())

    assert isinstance(await asyncio.wait_for(asyncio.to_thread(run), SOON), Failed)
    assert Doors.seen == ["cancelled"] * 2
