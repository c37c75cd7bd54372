"""Waits for a condition, on the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tests.kafka.topics import SECONDS


async def until(what: Callable[[], object], seconds: float = SECONDS) -> None:
    """Return once *what* is true; fail after *seconds*."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come to that"
        await asyncio.sleep(0.01)
