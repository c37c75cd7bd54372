"""Rate limit for repeated log lines: one a minute of each kind, with the number of lines that were left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Final

EVERY: Final = 60.0
"""Seconds between two lines of one kind."""
_MOST_KINDS: Final = 1_000


class Throttle:
    """Decides which of many similar log lines are written.

    Args:
        every: seconds between two lines of one kind.
        monotonic: a monotonic clock, in seconds.
    """

    def __init__(self, every: float = EVERY, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._every, self._monotonic = every, monotonic
        self._written: dict[Hashable, float] = {}
        self._left_out: dict[Hashable, int] = {}

    def due(self, kind: Hashable) -> int | None:
        """Decide whether to write a line of *kind* now.

        Returns:
            None to leave it out; otherwise the number of lines left out since the last one that was written.
        """
        now = self._monotonic()
        if now - self._written.get(kind, -self._every) < self._every:
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return None
        if len(self._written) >= _MOST_KINDS:
            self._written.clear()
            self._left_out.clear()
        self._written[kind] = now
        return self._left_out.pop(kind, 0)


def repeats(left_out: int, every: float = EVERY) -> str:
    """The suffix of a line that stands for *left_out* other lines; empty if there were none."""
    return f" ({left_out:,} more since the last such line; at most one in {every:g} s is written)" if left_out else ""
