"""``rate="60/m"``: how many runs of an activity may begin in any span of that length, in one process."""

from __future__ import annotations

import re
import threading
from collections import deque
from datetime import datetime, timedelta
from typing import Final

_RATE: Final = re.compile(r"([1-9][0-9]*)/([smh])")
_SPANS: Final = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}
_ZERO: Final = timedelta(0)


def rate_problem(rate: object) -> str | None:
    """What is wrong with ``rate=``; None if nothing is."""
    if rate is None or (isinstance(rate, str) and _RATE.fullmatch(rate)):
        return None
    return f"rate= is a number a second, minute or hour, such as '60/m'; got {rate!r}"


class Rate:
    """Counts the runs that begin. It may be used from several threads.

    Args:
        written: ``n/s``, ``n/m`` or ``n/h``.
    """

    def __init__(self, written: str) -> None:
        match = _RATE.fullmatch(written)
        assert match is not None
        self._span = _SPANS[match[2]]
        self._begun: deque[datetime] = deque(maxlen=int(match[1]))
        """When the last runs began."""
        self._turns: deque[datetime] = deque()
        """When those that wait were told to come back."""
        self._lock = threading.Lock()

    def begin(self, now: datetime) -> timedelta:
        """Zero where a run may begin at *now*, which counts it; else after how long to ask again."""
        with self._lock:
            while self._turns and self._turns[0] <= now:
                self._turns.popleft()
            most = self._begun.maxlen
            assert most is not None
            if len(self._begun) < most or self._begun[0] + self._span <= now:
                self._begun.append(now)
                return _ZERO
            # The k-th that waits comes back when the k-th of the last runs leaves the span, or a whole span later.
            behind = len(self._turns)
            turn = self._begun[behind % most] + self._span * (behind // most + 1)
            self._turns.append(turn)
            return turn - now
