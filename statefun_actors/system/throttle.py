"""Log lines that would repeat: one a minute for each kind, with the number of those that were left out."""

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
        monotonic: seconds since some moment.
    """

    def __init__(self, every: float = EVERY, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._every, self._monotonic = every, monotonic
        self._written: dict[Hashable, float] = {}
        self._left_out: dict[Hashable, int] = {}

    def due(self, kind: Hashable) -> int | None:
        """Whether a line of *kind* is to be written now.

        Returns:
            None where it is to be left out; else how many were left out since the last one that was written.
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
    """What a line adds that stands for *left_out* others; empty where there were none."""
    return f" ({left_out:,} more since the last such line; at most one in {every:g} s is written)" if left_out else ""
