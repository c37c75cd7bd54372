"""The system's clock and randomness for dispatch: on an event loop, or in a thread without one."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from datetime import UTC, datetime
from typing import Final

from statefun_actors.host import Deadline

_DIGITS: Final = 32
_AT_ONCE: Final = 64
_tokens: Final[list[str]] = []
"""Tokens that were drawn ahead: one system call for many of them. A forked child must not give out the same ones."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_tokens.clear)


def random_token() -> str:
    """128 random bits as 32 hexadecimal digits."""
    try:
        return _tokens.pop()  # at once, so that no two threads get the same one
    except IndexError:
        digits = secrets.token_hex(_AT_ONCE * _DIGITS // 2)
    first, *more = (digits[at : at + _DIGITS] for at in range(0, len(digits), _DIGITS))
    _tokens.extend(more)
    return first


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
