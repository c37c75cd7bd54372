"""Holds back replies, so that fewer requests carry more messages.

Flink has one batch per address in flight; later messages for the address wait, and become the next batch. An endpoint
that replies at once gets batches of two or three messages from a busy address, and every request costs Flink's
TaskManager about 200 µs, most of its work. It is the same trade-off as ``linger.ms`` of a Kafka producer.

Only replies to batches of two messages or more are held back, since these show that messages of their address are
waiting, and only while more than a thousand messages a second arrive: on an idle system, replies are not delayed.
It is messages that count, not requests: held replies make requests few, whatever the load.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

MANY: Final = 1_000
"""Messages a second."""
COUNTED: Final = 32
"""Messages between two reads of the clock."""
RECENT: Final = 0.5
"""Seconds until a measured rate is outdated."""


class Linger:
    """Holds back replies until *seconds* after their requests arrived; 0 holds back none."""

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
        """The time until which the reply to a batch that has just arrived is held back; None = reply at once.

        Args:
            messages: the number of messages of the batch.
        """
        self._left -= messages
        if self._left <= 0:
            now = self._monotonic()
            self._many = (now - self._looked) * MANY < COUNTED - self._left
            self._left, self._looked = COUNTED, now
        if messages < 2 or not (self._many and self._seconds):
            return None
        now = self._monotonic()
        return now + self._seconds if now - self._looked < RECENT else None

    async def hold(self, until: float) -> None:
        """Return at the time *until*."""
        if (left := until - self._monotonic()) > 0:
            await self._sleep(left)
