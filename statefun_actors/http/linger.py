"""When a reply is held back, so that fewer requests carry more messages.

Flink has one batch of an address under way; what else comes for it waits, and makes the next batch. An endpoint that
answers at once so gets batches of two or three from a busy address, and every request costs Flink's TaskManager about
200 µs, most of what it does. It is the same bargain as ``linger.ms`` of a Kafka producer.

Held back are only replies to batches of two messages or more, which show that messages of their address are waiting,
and only while requests come by the thousand a second: an actor that gathers a few answers on an idle system is not
slowed down.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

MANY: Final = 1_000
"""Requests a second."""
COUNTED: Final = 32
"""Requests from one look at the clock to the next."""
RECENT: Final = 0.5
"""Seconds for which it is believed that many come."""


class Linger:
    """Holds back replies until *seconds* after their requests arrived; 0 = none is."""

    def __init__(
        self,
        seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._seconds, self._monotonic, self._sleep = seconds, monotonic, sleep
        self._left = COUNTED
        self._looked = monotonic()
        self._many = False

    def until(self, messages: int) -> float | None:
        """A batch of so many *messages* has arrived: the time before which its reply does not leave; None = at once."""
        self._left -= 1
        if not self._left:
            now = self._monotonic()
            self._many = (now - self._looked) * MANY < COUNTED
            self._left, self._looked = COUNTED, now
        if messages < 2 or not (self._many and self._seconds):
            return None
        now = self._monotonic()
        return now + self._seconds if now - self._looked < RECENT else None

    async def hold(self, until: float) -> None:
        """Return at the time *until*."""
        if (left := until - self._monotonic()) > 0:
            await self._sleep(left)
