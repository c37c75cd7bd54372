"""Requests in flight. A stopping server waits for them, and cancels them after a timeout."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol


class Cancellable(Protocol):
    """A task, or a pending response."""

    def cancel(self) -> object:
        """Stop it."""
        ...


class InFlight:
    """The requests without a response, each as its cancellable work."""

    def __init__(self) -> None:
        self._all: set[Cancellable] = set()
        self._awaited: set[Cancellable] = set()
        """The work that :meth:`wait` waits for."""
        self._ended: asyncio.Event | None = None
        # Each request calls both, so they are the set's own methods while nothing waits.
        self.add: Callable[[Cancellable], None] = self._all.add
        """Work on a request has started."""
        self.remove: Callable[[Cancellable], None] = self._all.discard
        """Work has ended. Does nothing if it has been removed before."""

    def __len__(self) -> int:
        return len(self._all)

    def _remove_awaited(self, work: Cancellable) -> None:
        self._all.discard(work)
        if self._awaited:
            self._awaited.discard(work)
            if not self._awaited and self._ended is not None:
                self._ended.set()

    async def wait(self, seconds: float) -> None:
        """Return once the requests in flight now have ended, or after *seconds*."""
        self._awaited, self._ended, self.remove = set(self._all), asyncio.Event(), self._remove_awaited
        if self._awaited:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._ended.wait()

    def cancel(self) -> None:
        """Cancel all requests in flight."""
        for work in list(self._all):
            work.cancel()
