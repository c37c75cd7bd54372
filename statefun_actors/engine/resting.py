"""``RestWaiters``: those who wait until the engine has nothing left to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class RestWaiters:
    """Who waits for the rests of an engine; *wake* wakes it."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._idle: list[asyncio.Future[None]] = []
        self._settled: list[asyncio.Future[None]] = []
        self.ended = False
        """Whether the engine has ended, so that nobody waits any longer."""

    @property
    def for_idle(self) -> bool:
        """Whether anybody waits until no message waits for another attempt either."""
        return bool(self._idle)

    async def idle(self) -> None:
        """See :meth:`Engine.idle`."""
        await self._wait_in(self._idle)

    async def settled(self) -> None:
        """See :meth:`Engine.settled`."""
        await self._wait_in(self._settled)

    async def next_rest(self) -> bool:
        """See :meth:`Engine.next_rest`."""
        await self._wait_in(self._settled, wake=False)
        return not self.ended

    def at_rest(self) -> None:
        """The engine has nothing to do now."""
        self._resolve(self._settled)

    def idle_now(self) -> None:
        """No message waits for another attempt either."""
        self._resolve(self._idle)

    def release(self) -> None:
        """See :meth:`Engine.release`."""
        self._resolve(self._idle)
        self._resolve(self._settled)

    async def _wait_in(self, waiters: list[asyncio.Future[None]], *, wake: bool = True) -> None:
        if self.ended:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters.append(waiter)
        if wake:
            self._wake()
        await waiter

    @staticmethod
    def _resolve(waiters: list[asyncio.Future[None]]) -> None:
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        waiters.clear()
