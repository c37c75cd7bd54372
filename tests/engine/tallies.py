"""An entity that notes what it has handled, and orders to pause and resume it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from statefun_actors import Entity, handles, persisted
from statefun_actors.engine import Engine
from statefun_actors.store import PauseTarget
from statefun_actors.types import pack
from tests.engine.engines import send


class Tally(Entity, typename="test/tally"):
    """Keeps the numbers that it is sent, in their order."""

    handled: ClassVar[list[int]] = []
    numbers: list[int] = persisted(factory=list)

    @handles(int)
    def add(self, message: int) -> int:
        Tally.handled.append(message)
        if message < 0:
            raise ValueError(f"{message} is negative")
        self.numbers.append(message)
        return len(self.numbers)


class Slow(Entity, typename="test/slow"):
    gate: ClassVar[asyncio.Event]
    total: int = persisted(default=0)

    @handles(int)
    async def add(self, message: int) -> None:
        await Slow.gate.wait()
        if message < 0:
            raise ValueError(f"{message} is negative")
        self.total += message


A, B, OTHER = Tally.at("a"), Tally.at("b"), Slow.at("a")


async def pause(engine: Engine, *targets: PauseTarget) -> None:
    await engine.apply(lambda: engine.changes.pause(targets))


async def resume(engine: Engine, *targets: PauseTarget) -> None:
    await engine.apply(lambda: engine.changes.resume(targets))


def send_all(engine: Engine, numbers: Sequence[int]) -> None:
    for number in numbers:
        send(engine, A, pack(number))
