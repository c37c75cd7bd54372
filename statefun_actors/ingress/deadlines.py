"""Deadlines of calls: one timer for all that expire within one tick, since few of them ever do."""

from __future__ import annotations

import asyncio
from typing import Final, Generic, Protocol, TypeVar

_TICKS: Final = 50
"""Ticks in a second; a call expires at the end of one."""


class Expiring(Protocol):
    """A call with a deadline."""

    def expire(self) -> None:
        """The deadline has passed."""
        ...


_C = TypeVar("_C", bound=Expiring)


class Deadlines(Generic[_C]):
    """The calls that wait, by the tick in which they expire."""

    def __init__(self) -> None:
        self._by_tick: dict[int, set[_C]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, call: _C, seconds: float) -> set[_C]:
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

    def waiting(self) -> list[_C]:
        """The calls that have neither expired nor been discarded."""
        return [call for due in self._by_tick.values() for call in due]

    def _expire(self, tick: int) -> None:
        for call in list(self._by_tick.pop(tick)):  # one may end others
            call.expire()
