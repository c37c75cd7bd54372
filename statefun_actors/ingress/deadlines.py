"""Deadlines of calls: one timer for all that expire within one tick, since few of them ever do."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

_TICKS: Final = 50
"""Ticks in a second; a call expires at the end of one."""


class Expiring(Protocol):
    """A call with a deadline."""

    def expire(self) -> None:
        """The deadline has passed."""
        ...


class Deadlines:
    """The calls that wait, by the tick in which they expire."""

    def __init__(self) -> None:
        self._by_tick: dict[int, set[Expiring]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, call: Expiring, seconds: float) -> set[Expiring]:
        """Have *call* expire in *seconds*, or up to a tick later, unless it is discarded from the returned set."""
        loop = self._loop
        if loop is None:  # kept, since to look it up is a system call
            loop = self._loop = asyncio.get_running_loop()
        tick = int((loop.time() + seconds) * _TICKS) + 1
        due = self._by_tick.get(tick)
        if due is None:
            due = self._by_tick[tick] = set()
            loop.call_at(tick / _TICKS, self._expire, tick)
        due.add(call)
        return due

    def _expire(self, tick: int) -> None:
        for call in list(self._by_tick.pop(tick)):  # one may end others
            call.expire()
