"""The wall clock, except that nobody waits for a delayed message while nothing else is to be done."""

from __future__ import annotations

from collections.abc import Callable

from statefun_actors.embedded import SystemClock


class JumpingClock(SystemClock):
    """Jumps from due time to due time. Set :attr:`may_jump`; waits between attempts stay real."""

    def __init__(self) -> None:
        self.ahead_ms = 0
        """By how much it is ahead of the wall clock."""
        self.may_jump: Callable[[], bool] = lambda: False

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms

    def call_at(self, due_ms: int, callback: Callable[[], None]) -> Callable[[], None]:
        if not self.may_jump():
            return super().call_at(due_ms, callback)
        self.ahead_ms += max(0, due_ms - self.now_ms())
        callback()
        return lambda: None
