"""Requests that wait for what comes of their letter, each for so long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from statefun_actors.http.exchange import Response
from statefun_actors.http.ingress.answers import Answers, waited_in_vain
from statefun_actors.ingress import Answer, Backend, Letter

_TICKS: Final = 50
"""A second has so many; a wait ends at the end of one."""


class Deadlines:
    """When waits are over. There is one timer for all that end with one tick: next to none is still needed by then."""

    def __init__(self) -> None:
        self._by_tick: dict[int, set[Waiting]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, waiting: Waiting, seconds: float) -> set[Waiting]:
        """Have *waiting* expire in *seconds*, or up to a tick later, unless it has left the set that it is in."""
        loop = self._loop
        if loop is None:  # remembered, since to ask for it is a system call
            loop = self._loop = asyncio.get_running_loop()
        tick = int((loop.time() + seconds) * _TICKS) + 1
        due = self._by_tick.get(tick)
        if due is None:
            due = self._by_tick[tick] = set()
            loop.call_at(tick / _TICKS, self._expire, tick)
        due.add(waiting)
        return due

    def _expire(self, tick: int) -> None:
        for waiting in list(self._by_tick.pop(tick)):  # what is told may end others
            waiting.expire()


class Waiting:
    """A request that waits."""

    __slots__ = ("_answers", "_due", "_forget", "_over", "_seconds", "_tell")

    def __init__(
        self,
        backend: Backend,
        answers: Answers,
        deadlines: Deadlines,
        letter: Letter,
        seconds: float,
        tell: Callable[[Response], None],
    ) -> None:
        self._answers, self._seconds, self._tell = answers, seconds, tell
        self._over = False
        self._due = deadlines.add(self, seconds)
        self._forget = backend.take(letter, self._told)

    def _told(self, answer: Answer) -> None:
        if not self._over:
            self._over = True
            self._due.discard(self)
            self._tell(self._answers.response(answer))

    def expire(self) -> None:
        """Nothing came in time."""
        self._over = True
        self._tell(waited_in_vain(self._seconds, durable=self._forget()))

    def forget(self) -> None:
        """Nobody is there any more."""
        if not self._over:
            self._over = True
            self._due.discard(self)
            self._forget()
