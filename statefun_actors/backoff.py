"""``Backoff``: how long to wait between attempts, twice as long after each failure, up to a bound."""

from __future__ import annotations

import math
from typing import Final

import attrs

_MOST_DOUBLINGS: Final = 60
"""More would overflow a float before the bound is applied."""


@attrs.frozen
class Backoff:
    """Waits *first* seconds after one failure, twice as long after each further one in a row, at most *longest*."""

    first: float
    longest: float = math.inf

    def seconds(self, failures: int) -> float:
        """The pause after *failures* failures in a row, of which there is at least one."""
        return min(self.longest, self.first * 2.0 ** min(failures - 1, _MOST_DOUBLINGS))

    def spread(self, failures: int, chance: float) -> float:
        """The same, between half and all of it by *chance* in [0, 1): those that failed together return one by one."""
        return self.seconds(failures) * (0.5 + chance / 2)
