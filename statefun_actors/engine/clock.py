"""The engine's time and randomness: real, or set by a test."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from statefun_actors.dispatch import random_token

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_LONGEST_WAIT: Final = 60.0
"""Maximum seconds between two reads of the wall clock during a wait, since it may be set meanwhile."""


def at_ms(ms: int) -> datetime:
    """The time *ms* milliseconds after the beginning of 1970, aware, in UTC."""
    return _EPOCH + ms * _MILLISECOND


def seconds_text(ms: int) -> str:
    """Milliseconds since 1970 as text to the second, such as ``2026-01-01T00:00:00Z``."""
    return at_ms(ms).isoformat(timespec="seconds").replace("+00:00", "Z")


def to_ms(moment: datetime) -> int:
    """Milliseconds from the beginning of 1970 to *moment*."""
    return (moment - _EPOCH) // _MILLISECOND


class Clock(Protocol):
    """The interface of the engine to time and randomness.

    ``statefun_actors.testing.checks.CLOCK_CHECKS`` checks a clock of your own.
    """

    def token(self) -> str:
        """128 random bits as 32 hexadecimal digits, in lower case; another text with each call."""
        ...

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC, as an int. It may be set back; while nobody sets it, it never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait *seconds* between two attempts of one message: at the end the time is that much later.

        Other tasks run meanwhile. A cancelled wait ends at once, with CancelledError.
        """
        ...

    def call_at(self, due_ms: int, callback: Callable[[], None]) -> Callable[[], None]:
        """Call *callback* once, on the event loop, at *due_ms* or earlier; return a function that cancels the call.

        It is called after this has returned, even if *due_ms*, which may be any 64-bit number, is in the past. The
        engine reads the clock then, and waits again if the time has not come.
        """
        ...


class SystemClock:
    """The wall clock, the event loop's timers, and the system's randomness."""

    def token(self) -> str:
        return random_token()

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def call_at(self, due_ms: int, callback: Callable[[], None]) -> Callable[[], None]:
        seconds = min(max(0.0, (due_ms - self.now_ms()) / 1000), _LONGEST_WAIT)
        return asyncio.get_running_loop().call_later(seconds, callback).cancel


class ManualClock:
    """A clock that moves when a test sets it. A backoff moves it by itself, so no test waits for one."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC), seed: int = 0) -> None:
        self._now_ms = to_ms(start)
        self._random = random.Random(seed)  # noqa: S311 - in tests the same each time
        self._numbers = itertools.count()
        self._calls: dict[int, tuple[int, Callable[[], None]]] = {}
        """By its number: the due time of a pending call, and the function to call."""

    def token(self) -> str:
        return f"{self._random.getrandbits(128):032x}"

    def now_ms(self) -> int:
        return self._now_ms

    def set_ms(self, now_ms: int) -> None:
        """Set the time to *now_ms*, forward or back, and make the calls that are due. Call it on the event loop."""
        self._now_ms = now_ms
        due = sorted((due_ms, number) for number, (due_ms, _) in self._calls.items() if due_ms <= now_ms)
        for _, number in due:
            if (call := self._calls.pop(number, None)) is not None:  # one of the others may have cancelled it
                call[1]()

    async def sleep(self, seconds: float) -> None:
        self.set_ms(self._now_ms + round(seconds * 1000))

    def call_at(self, due_ms: int, callback: Callable[[], None]) -> Callable[[], None]:
        if due_ms <= self._now_ms:
            return asyncio.get_running_loop().call_soon(callback).cancel
        number = next(self._numbers)
        self._calls[number] = due_ms, callback

        def cancel() -> None:
            self._calls.pop(number, None)

        return cancel
