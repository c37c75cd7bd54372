"""``Places``: a limit of what runs at once, over all threads and event loops; the others wait in order of arrival."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable


class _Waiter:
    """One that waits. ``wake`` gives it the place, and returns False if its event loop is closed."""

    __slots__ = ("has_place", "wake")

    def __init__(self, wake: Callable[[], bool]) -> None:
        self.wake, self.has_place = wake, False


class Places:
    """A number of places, of which each can be taken by one at a time.

    Args:
        number: of places.
        patience: seconds after which *late* is called, for each that still waits.
        late: called on the event loop or in the thread of the one that waits.
    """

    def __init__(self, number: int, patience: float, late: Callable[[], object]) -> None:
        self.number, self.patience = number, patience
        self._late = late
        self._free = number
        self._lock = threading.Lock()
        self._waiting: deque[_Waiter] = deque()

    async def enter(self) -> None:
        """Return when there is a place; :meth:`leave` gives it back. A cancelled wait leaves the queue."""
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()

        def wake() -> bool:
            try:
                loop.call_soon_threadsafe(_set, woken)
            except RuntimeError:  # the loop was closed
                return False
            return True

        waiter = self._queued(wake)
        if waiter is None:
            return
        patience = loop.call_later(self.patience, self._late)
        try:
            await woken
        except BaseException:
            self._give_up(waiter)
            raise
        finally:
            patience.cancel()

    def enter_thread(self) -> None:
        """As :meth:`enter`, in a thread without an event loop."""
        woken = threading.Event()

        def wake() -> bool:
            woken.set()
            return True

        waiter = self._queued(wake)
        if waiter is None:
            return
        try:
            if not woken.wait(self.patience):
                self._late()
                woken.wait()
        except BaseException:
            self._give_up(waiter)
            raise

    def leave(self) -> None:
        """Give the place to the one that has waited longest."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._free += 1
                    return
                waiter = self._waiting.popleft()
                waiter.has_place = True
            if waiter.wake():
                return

    def _queued(self, wake: Callable[[], bool]) -> _Waiter | None:
        """The position in the queue; None if a place is free."""
        with self._lock:
            if self._free:
                self._free -= 1
                return None
            waiter = _Waiter(wake)
            self._waiting.append(waiter)
            return waiter

    def _give_up(self, waiter: _Waiter) -> None:
        with self._lock:
            if not waiter.has_place:
                self._waiting.remove(waiter)
                return
        self.leave()


def _set(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
