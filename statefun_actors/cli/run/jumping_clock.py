"""The wall clock, except that it jumps to the next delayed message when nothing else is left to do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from statefun_actors.cli.run.options import RunOptions
from statefun_actors.cli.run.shared_clock import SharedClock, clock_in
from statefun_actors.engine import SystemClock


class JumpingClock(SystemClock):
    """Jumps to :attr:`next_jump`, if set; other waits, such as between attempts, stay real."""

    def __init__(self) -> None:
        self.ahead_ms = 0
        """Its lead over the wall clock."""
        self.next_jump: Callable[[], int | None] = lambda: None
        """The time to jump to instead of waiting, in milliseconds since 1970; None = wait."""

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms

    def call_at(self, due_ms: int, callback: Callable[[], None]) -> Callable[[], None]:
        to_ms = self.next_jump()
        if to_ms is not None:
            self.ahead_ms += max(0, to_ms - self.now_ms())
            due_ms = self.now_ms()
        return super().call_at(due_ms, callback)


def clock_of(options: RunOptions, closing: contextlib.ExitStack) -> SystemClock:
    """The clock of a run, which *closing* closes. Raises OSError: that of all partitions can't be opened."""
    if not options.fire_timers:
        return SystemClock()
    if options.partition is None:
        return JumpingClock()
    clock = SharedClock(clock_in(options.partition.neighbours.sockets))
    closing.callback(clock.close)
    return clock
