"""``FaultClock``: virtual time that stands still while an engine restarts after a fault."""

from __future__ import annotations

from datetime import timedelta

from statefun_actors.engine import ManualClock


def jump_text(jump_ms: int) -> str:
    """A jump of the clock in words."""
    return f"the clock jumps {timedelta(milliseconds=abs(jump_ms))} {'ahead' if jump_ms > 0 else 'back'}"


class FaultClock(ManualClock):
    """A restart takes no time, so that a run with faults can end in the state of a run without."""

    restarts = 0
    """The number of further waits that belong to a restart."""

    async def sleep(self, seconds: float) -> None:
        if self.restarts:
            self.restarts -= 1
            return
        await super().sleep(seconds)
