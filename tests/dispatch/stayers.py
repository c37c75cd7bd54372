"""An entity whose handlers go on when they are cancelled, each in a way of its own, until a door opens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from statefun_actors import (
    DetachedEntityError,
    Entity,
    handles,
    persisted,
)
from statefun_actors.model import Outcome
from tests.dispatch.world import VirtualHost, World

SOON = 30


class Doors:
    entered: asyncio.Event
    go: asyncio.Event
    ended: asyncio.Event
    seen: list[object]


async def stay() -> None:
    """Wait for the door, in spite of two cancellations. The end of an event loop is another one."""
    await stayed(Doors.go.wait)


async def stay_longer() -> None:
    await stayed(Doors.go.wait, 3)


async def stay_by_turns() -> None:
    await stayed(lambda: asyncio.sleep(0))


async def stayed(wait: Callable[[], Awaitable[object]], left: int = 2) -> None:
    Doors.entered.set()
    while not Doors.go.is_set():
        try:
            await wait()
        except asyncio.CancelledError:
            Doors.seen.append("cancelled")
            if not left:
                raise
            left -= 1


async def stay_in_a_child() -> None:
    await asyncio.create_task(stay())


async def stay_in_a_gathering() -> None:
    await asyncio.gather(stay(), asyncio.sleep(0))


async def stay_in_a_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(stayed(Doors.go.wait, 1))  # a group cancels its tasks once


WAYS: dict[str, Callable[[], Awaitable[None]]] = {
    way.__name__: way
    for way in (stay, stay_longer, stay_by_turns, stay_in_a_child, stay_in_a_gathering, stay_in_a_group)
}


class Stayer(Entity, typename="test/stayer"):
    count: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.count += message

    @handles(str, timeout=5)
    async def stay(self, message: str) -> str:
        """Goes the way *message*, and then tries what it must not."""
        self.count += 100
        self.send(self.address, 1)
        try:
            await WAYS[message]()
        finally:
            self._change()
        return "late"

    @handles(bytes)
    async def stay_without_a_limit(self, message: bytes) -> None:
        self.count += 100
        await stay()
        self._change()

    def _change(self) -> None:
        self.count += 1
        changes: list[Callable[[], object]] = [lambda: self.send(self.address, 1), lambda: self.reply(1)]
        for change in changes:
            try:
                change()
            except DetachedEntityError as error:
                Doors.seen.append(type(error).__name__)
        Doors.ended.set()


async def begun(world: World, *messages: object) -> asyncio.Task[Outcome]:
    task = asyncio.create_task(world.outcome(*messages))
    await asyncio.wait_for(Doors.entered.wait(), SOON)
    return task


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def late(host: VirtualHost, task: asyncio.Task[Outcome]) -> Outcome:
    """The outcome of *task*, which has not come by the end of the timeout, and comes with that of the grace."""
    host.advance(5)
    await turns()
    host.advance(0.9)
    await turns()
    assert not task.done()
    host.advance(0.2)
    return await asyncio.wait_for(task, SOON)


async def end() -> None:
    Doors.seen.clear()
    Doors.go.set()
    await asyncio.wait_for(Doors.ended.wait(), SOON)
