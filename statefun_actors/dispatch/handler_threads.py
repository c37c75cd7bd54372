"""The threads of blocking handlers: a bounded number runs at a time, and the time limit of each begins in its thread.

No thread can be ended. One whose handler was given up at its time limit runs on, but others take its place: otherwise
a few calls that never return would keep all places for good.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from statefun_actors.dispatch.places import Places
from statefun_actors.own_logger import own_logger
from statefun_actors.system import ThreadCall, Throttle, repeats

logger: Final = own_logger("statefun_actors.dispatch")

_T = TypeVar("_T")

GIVEN_UP: Final = 1_000
"""Threads of handlers that were given up, which may run besides these. Each takes some memory of the process."""
_PATIENCE: Final = 30.0
"""Seconds after which a wait for a thread is logged."""


class HandlerThreads:
    """The threads of one application.

    Args:
        at_once: handlers that run at once; the next ones wait in order of arrival.
        given_up: threads of handlers that were given up, and take no place. Further ones keep theirs until they end.
        patience: seconds after which a wait is logged.
    """

    def __init__(self, at_once: int, given_up: int = GIVEN_UP, patience: float = _PATIENCE) -> None:
        self._most_given_up = given_up
        self._places = Places(at_once, patience, self._late)
        self._lock = threading.Lock()
        self._given_up = 0
        self._lines = Throttle()

    async def begin(self, call: Callable[[], _T]) -> HandlerThread[_T]:
        """Wait for a place, and run *call* in a thread. A cancelled wait leaves the queue.

        Raises:
            RuntimeError: the system can't start another thread.
        """
        await self._places.enter()
        try:
            return HandlerThread(self, call)
        except BaseException:
            self._places.leave()
            raise

    def ended(self, thread: HandlerThread[_T]) -> None:
        """*thread* has ended its call."""
        with self._lock:
            thread.has_ended = True
            if thread.is_given_up:
                self._given_up -= 1
            has_place = thread.has_place
        if has_place:
            self._places.leave()

    def give_up(self, thread: HandlerThread[_T], handler: str, seconds: float | None) -> None:
        """Give the place of *thread* to another: its *handler* has not ended within *seconds*.

        With None its engine has ended, which logs that.
        """
        with self._lock:
            if thread.has_ended:
                return
            thread.is_given_up = True
            self._given_up += 1
            count = self._given_up
            thread.has_place = count > self._most_given_up
            left_out = None if seconds is None else self._lines.due(handler)
        thread.call.abandon()
        if not thread.has_place:
            self._places.leave()
        if left_out is not None:
            logger.warning(
                "%s: its call did not end within %g s, and nothing can end its thread, which runs on; %s. Set a "
                "timeout on what it waits for%s",
                handler,
                seconds,
                self._running(count),
                repeats(left_out),
            )

    def _running(self, count: int) -> str:
        if count <= self._most_given_up:
            return f"threads that run on: {count:,}"
        return (
            f"threads that run on: {count:,}, of which those above {self._most_given_up:,} keep their places, so that "
            f"fewer than {self._places.number} blocking handlers run at once"
        )

    def _late(self) -> None:
        if (left_out := self._lines.due(None)) is not None:
            logger.warning(
                "a blocking handler has waited %g s for a thread, since %d run already; make them shorter, give them a "
                "timeout=, make them `async def`, or allow more of them with handler_threads=%s",
                self._places.patience,
                self._places.number,
                repeats(left_out),
            )


class HandlerThread(Generic[_T]):
    """A thread that has a place."""

    __slots__ = ("call", "has_ended", "has_place", "is_given_up")

    def __init__(self, threads: HandlerThreads, call: Callable[[], _T]) -> None:
        self.has_place, self.has_ended, self.is_given_up = True, False, False
        self.call = ThreadCall(call, lambda: threads.ended(self))
