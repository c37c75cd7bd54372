"""Entities that count, wait and note."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from statefun_actors import Entity, handles, persisted


class Counter(Entity, typename="test/counter"):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> int:
        self.n += message
        return self.n


class Gate(Entity, typename="test/gate"):
    """Its handler waits until the test releases it."""

    entered: ClassVar[list[str]] = []
    open: ClassVar[asyncio.Event]
    n: int = persisted(default=0)

    @handles(int)
    async def wait(self, message: int) -> None:
        Gate.entered.append(self.id)
        await Gate.open.wait()
        self.n += message
