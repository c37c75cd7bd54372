"""A stock that reserves, and messages for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from statefun_actors import Entity, TerminalError, handles, message, persisted
from statefun_actors.testing import TestRuntime


@message("shop/reserve")
class Reserve:
    count: int


@message("shop/reserved")
class Reserved:
    left: int


class Stock(Entity, typename="shop/stock"):
    left: int = persisted(default=2)

    @handles
    def reserve(self, message: Reserve) -> Reserved | None:
        if message.count > 100:
            raise TerminalError("nobody has so many")
        if message.count > 50:
            return None  # says nothing
        self.left -= message.count
        return Reserved(self.left)


def in_test(work: Callable[[TestRuntime], Coroutine[Any, Any, None]], *served: type, **options: Any) -> None:
    async def run() -> None:
        async with TestRuntime(*served, **options) as runtime:
            await work(runtime)

    asyncio.run(run())
