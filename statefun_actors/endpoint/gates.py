"""``concurrency=`` in an endpoint: limits the batches of a function type that run at once, over all threads and loops.

A batch above the limit waits before its handlers and their timeouts start.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

from statefun_actors.definition import FunctionType

logger: Final = logging.getLogger("statefun_actors.endpoint")

PATIENCE: Final = 30.0
"""Seconds after which a wait is logged. Flink gives up after its call timeout."""


class _Waiter:
    """A batch that waits. ``wake`` gives it the place, and returns False if its event loop is closed."""

    __slots__ = ("has_place", "wake")

    def __init__(self, wake: Callable[[], bool]) -> None:
        self.wake, self.has_place = wake, False


class Gate:
    """Admits at most *places* batches of the function type *name* at once; the others wait in order of arrival."""

    def __init__(self, name: str, places: int, patience: float = PATIENCE) -> None:
        self._name, self._places, self._patience = name, places, patience
        self._free = places
        self._lock = threading.Lock()
        self._waiting: deque[_Waiter] = deque()
        self._warned = False

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
        patience = loop.call_later(self._patience, self._warn)
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
            if not woken.wait(self._patience):
                self._warn()
                woken.wait()
        except BaseException:
            self._give_up(waiter)
            raise

    def leave(self) -> None:
        """Give the place to the batch that has waited longest."""
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

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "%s: a batch has waited %g s for one of %d places (concurrency=%d). Flink counts that towards its call "
                "timeout; raise concurrency=, or make the handlers shorter (logged once)",
                self._name,
                self._patience,
                self._places,
                self._places,
            )


def _set(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)


_gates: Final[WeakKeyDictionary[FunctionType, Gate]] = WeakKeyDictionary()
_making: Final = threading.Lock()


def gate_of(function: FunctionType) -> Gate | None:
    """The gate of *function*, one for the whole process; None without ``concurrency=``."""
    places = function.options.concurrency
    if places is None:
        return None
    with _making:
        gate = _gates.get(function)
        if gate is None:
            gate = _gates[function] = Gate(function.typename, places)
        return gate
