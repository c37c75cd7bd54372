"""Cancellation in a handler: what it dealt with, what it swallows, and the stop of the engine."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from statefun_actors import Discard, Entity, handles, persisted
from statefun_actors.model import Done
from statefun_actors.types import pack
from tests.dispatch.world import World

TASKS: list[asyncio.Task[Any]] = []


class Careful(Entity, typename="test/careful"):
    """Uses code that cancels its task and takes the cancellation back."""

    count: int = persisted(default=0)

    @handles(int)
    async def work(self, message: int) -> None:
        task = asyncio.current_task()
        assert task is not None
        TASKS.append(task)
        try:
            async with asyncio.timeout(0):
                await asyncio.sleep(60)
        except TimeoutError:
            self.count += 1
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.fail())
                await asyncio.sleep(60)
        except* ValueError:
            self.count += 10
        task.cancel()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:  # and keeps it to itself
            self.count += 100

    async def fail(self) -> None:
        raise ValueError("of a child")

    @handles(str)
    async def cancel_the_others(self, message: str) -> None:
        for task in TASKS:
            task.cancel()
        await asyncio.sleep(0)
        self.count += 1000


@pytest.mark.parametrize("policy", [None, Discard()], ids=["no policy", "a policy"])
async def test_a_cancellation_that_the_handler_itself_dealt_with_is_no_failure(policy: Discard | None) -> None:
    TASKS.clear()

    outcome = await World(Careful, on_failure=policy).done(1, 1)

    assert outcome.changes == {"count": pack(222)}
    assert not outcome.failures
    assert [task.cancelling() for task in TASKS] == [0, 0]


async def test_a_task_whose_handlers_have_ended_can_not_be_cancelled_by_others() -> None:
    TASKS.clear()
    world = World(Careful)
    await world.done(1)

    assert (await world.done("all")).changes == {"count": pack(1111)}


class Entered:
    event: asyncio.Event


class Swallower(Entity, typename="test/swallower"):
    count: int = persisted(default=0)

    @handles(int, timeout=5)
    async def wait(self, message: int) -> None:
        self.count += message
        Entered.event.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.count += 100
            await asyncio.sleep(0)

    @handles(str, timeout=5)
    async def fail(self, message: str) -> None:
        Entered.event.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError(message)


@pytest.mark.parametrize("message", [1, "not cancelled"])
async def test_a_handler_that_swallows_the_cancellation_of_its_timeout_has_failed_by_it(message: object) -> None:
    Entered.event = asyncio.Event()
    world = World(Swallower, on_failure=Discard())
    task = asyncio.create_task(world.outcome(message))
    await Entered.event.wait()

    world.host.advance(5)
    outcome = await task

    assert isinstance(outcome, Done)
    assert (outcome.changes, [type(failure.error).__name__ for failure in outcome.failures]) == (
        {},
        ["HandlerTimeoutError"],
    )


@pytest.mark.parametrize("policy", [None, Discard()], ids=["no policy", "a policy"])
@pytest.mark.parametrize("message", [1, "not cancelled"])
async def test_a_batch_that_the_engine_stops_never_ran_even_if_its_handler_swallows_the_cancellation(
    message: object, policy: Discard | None
) -> None:
    Entered.event = asyncio.Event()
    task = asyncio.create_task(World(Swallower, on_failure=policy).outcome(message, 1))
    await Entered.event.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 30)
