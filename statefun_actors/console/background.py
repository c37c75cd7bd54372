"""Work in a thread as a pending response: reading a store and making a page must not hold the engine's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from statefun_actors.http import OnDone, Response

_T = TypeVar("_T")

_THREADS: Final = 2
"""Of pages: one for a page that takes long, and one for the others."""


class Background:
    """Threads of its own: those that handlers use may all be busy, and then the console is needed most.

    Args:
        threads: that many works run at a time; the next ones wait for them, in order.
    """

    def __init__(self, threads: int = _THREADS) -> None:
        self._most = threads
        self._threads: ThreadPoolExecutor | None = None

    def start(self, work: Callable[[], Response]) -> PendingWork:
        """Begin *work*, which must not raise."""
        return PendingWork(self.run(work))

    def run(self, work: Callable[[], _T]) -> asyncio.Future[_T]:
        """Begin *work*; the future has its result."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._most, "statefun-actors-console")
        return asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        """Wait for work that has begun, and drop the rest. Safe to call twice."""
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
            self._threads = None


class PendingWork:
    """The response that a thread works on."""

    def __init__(self, working: asyncio.Future[Response]) -> None:
        self._working = working

    def on_done(self, callback: OnDone) -> None:
        self._working.add_done_callback(lambda done: callback(None if done.cancelled() else done.result()))

    def cancel(self) -> None:
        self._working.cancel()


class PendingAct(PendingWork):
    """The response to an act, which goes on when its browser is gone: half a change would be worse."""

    def cancel(self) -> None:
        pass
