"""The engine's time and randomness: real, or set by a test."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from statefun_actors.dispatch import random_token

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_WAIT: Final = 60.0
"""Maximum seconds between two reads of the wall clock during a wait, since it may be set meanwhile."""


def at_ms(ms: int) -> datetime:
    """The time *ms* milliseconds after the beginning of 1970, aware, in UTC."""
    return _EPOCH + timedelta(milliseconds=ms)


def to_ms(moment: datetime) -> int:
    """Milliseconds from the beginning of 1970 to *moment*."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


class Clock(Protocol):
    """The interface of the engine to time and randomness."""

    def token(self) -> str:
        """128 random bits as 32 hexadecimal digits."""
        ...

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait *seconds* between two attempts of one message."""
        ...

    def call_at(self, due_ms: int, callback: Callable[[], None]) -> Callable[[], None]:
        """Call *callback* at *due_ms* or earlier (it reads the clock itself); return a function that cancels it."""
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

    def token(self) -> str:
        return f"{self._random.getrandbits(128):032x}"

    def now_ms(self) -> int:
        return self._now_ms

    def set_ms(self, now_ms: int) -> None:
        """Set the time to *now_ms*, forward or back. Wake the engine afterwards: this calls nothing."""
        self._now_ms = now_ms

    async def sleep(self, seconds: float) -> None:
        self._now_ms += round(seconds * 1000)

    def call_at(self, due_ms: int, callback: Callable[[], None]) -> Callable[[], None]:  # noqa: ARG002 - the protocol
        return lambda: None  # the code that moves the clock wakes the engine
