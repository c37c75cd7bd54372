"""``EngineHost``: the host of dispatch in an engine."""

from __future__ import annotations

from datetime import datetime

from statefun_actors.dispatch import SystemHost
from statefun_actors.engine.clock import Clock, at_ms


class EngineHost(SystemHost):
    """The host of dispatch: time and randomness of the engine's clock."""

    holds_all_state = True
    repeats = False

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.token = clock.token
        self._last = (0, at_ms(0))
        """The last time, and its milliseconds: many messages are handled within one."""

    def now(self) -> datetime:
        ms = self._clock.now_ms()
        if ms != self._last[0]:
            self._last = (ms, at_ms(ms))
        return self._last[1]

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
