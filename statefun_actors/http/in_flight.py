"""The requests under way: a server that stops waits for them, and cancels those that take too long."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol


class Cancellable(Protocol):
    """A task, or a pending response."""

    def cancel(self) -> object:
        """Stop it."""
        ...


class InFlight:
    """The requests that have no response yet, each as what can be cancelled of it."""

    def __init__(self) -> None:
        self._all: set[Cancellable] = set()
        self._awaited: set[Cancellable] = set()
        """Those that :meth:`wait` waits for."""
        self._ended: asyncio.Event | None = None

    def __len__(self) -> int:
        return len(self._all)

    def add(self, work: Cancellable) -> None:
        """The response to a request is being worked on."""
        self._all.add(work)

    def remove(self, work: Cancellable) -> None:
        """*work* has ended. Does nothing if it has been removed before."""
        self._all.discard(work)
        if self._awaited:
            self._awaited.discard(work)
            if not self._awaited and self._ended is not None:
                self._ended.set()

    async def wait(self, seconds: float) -> None:
        """Return once the requests that are under way now have ended, or after *seconds*."""
        self._awaited, self._ended = set(self._all), asyncio.Event()
        if self._awaited:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._ended.wait()

    def cancel(self) -> None:
        """Cancel all that are under way."""
        for work in list(self._all):
            work.cancel()
