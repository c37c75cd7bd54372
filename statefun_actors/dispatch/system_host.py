"""The system's clock and randomness for dispatch: on an event loop, or in a thread without one."""

from __future__ import annotations

import asyncio
import secrets
import time
from datetime import UTC, datetime

from statefun_actors.host import Deadline


def random_token() -> str:
    """128 random bits as 32 hexadecimal digits."""
    return secrets.token_hex(16)


class SystemHost:
    """The wall clock, the running event loop, and the system's randomness."""

    holds_all_state = False
    repeats = True
    monotonic = staticmethod(time.monotonic)
    token = staticmethod(random_token)

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def timeout(self, seconds: float) -> Deadline:
        return asyncio.timeout(seconds)


class ThreadHost(SystemHost):
    """The host in a thread without an event loop: a wait between attempts blocks that thread."""

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - there is no loop to block
