"""``TestClock``: virtual time, which a test moves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from statefun_actors.engine import Engine, ManualClock, at_ms


class TestClock:
    """Virtual time. It stands still until the test moves it; a handler's backoff moves it too.

    Args:
        clock: the clock that it moves.
        engine: returns the running engine.
        settled: waits until nothing is left to do at the new time.
    """

    __test__ = False

    def __init__(
        self, clock: ManualClock, engine: Callable[[], Engine], settled: Callable[[], Awaitable[None]]
    ) -> None:
        self._clock, self._engine, self._settled = clock, engine, settled

    @property
    def now(self) -> datetime:
        """The current virtual time, aware, in UTC."""
        return at_ms(self._clock.now_ms())

    async def advance(self, delay: timedelta | float) -> None:
        """Move *delay* (a timedelta, or seconds) ahead. Messages due in between run in order, each at its own time.

        Raises:
            ValueError: a negative delay.
            Exception: a handler without a failure policy raised it.
        """
        step = delay if isinstance(delay, timedelta) else timedelta(seconds=delay)
        if step < timedelta(0):
            raise ValueError(f"time moves forward: advance() takes a delay of zero or more, got {delay!r}")
        clock = self._clock
        target = clock.now_ms() + step // timedelta(milliseconds=1)
        while (due := self._engine().view.next_due()) is not None and due <= target:
            clock.set_ms(max(due, clock.now_ms()))
            await self._settled()
        clock.set_ms(max(target, clock.now_ms()))
        await self._settled()
