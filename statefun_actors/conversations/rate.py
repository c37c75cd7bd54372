"""``rate="60/m"``: limits how many runs of an activity begin in any second, minute or hour, in one process."""

from __future__ import annotations

import re
import threading
from collections import deque
from datetime import datetime, timedelta
from typing import Final

from statefun_actors.definition import shown

_RATE: Final = re.compile(r"([1-9][0-9]{0,8})/([smh])")
_SPANS: Final = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}
_ZERO: Final = timedelta(0)


def rate_problem(rate: object) -> str | None:
    """The problem with ``rate=``; None without one."""
    if rate is None or (isinstance(rate, str) and _RATE.fullmatch(rate)):
        return None
    return f"rate= is a number of at most nine digits a second, minute or hour, such as '60/m'; got {shown(rate)}"


class Rate:
    """A sliding-window rate limiter of runs. Thread-safe.

    A clock that is set back delays runs by one window more at most.

    Args:
        written: ``n/s``, ``n/m`` or ``n/h``.
    """

    def __init__(self, written: str) -> None:
        match = _RATE.fullmatch(written)
        assert match is not None
        self._span = _SPANS[match[2]]
        self._begun: deque[datetime] = deque(maxlen=int(match[1]))
        """The times at which the last runs began."""
        self._turns: deque[datetime] = deque()
        """The times at which waiting runs will retry."""
        self._latest: datetime | None = None
        """The latest time of a call."""
        self._lock = threading.Lock()

    def begin(self, now: datetime) -> timedelta:
        """Count a run that may begin at *now*, and return 0; otherwise return the delay until its retry."""
        with self._lock:
            self._note(now)
            while self._turns and self._turns[0] <= now:
                self._turns.popleft()
            most = self._begun.maxlen
            assert most is not None
            if len(self._begun) < most or self._begun[0] + self._span <= now:
                self._begun.append(now)
                return _ZERO
            # The k-th waiting run retries when the k-th of the last runs leaves the window, or a whole window later.
            behind = len(self._turns)
            turn = self._begun[behind % most] + self._span * (behind // most + 1)
            self._turns.append(turn)
            return turn - now

    def _note(self, now: datetime) -> None:
        """Note the time of a call; if the clock was set back, set back the times that were noted."""
        latest = self._latest
        # Runs in threads call with the time at which their batch began, so a somewhat earlier time is no sign of that.
        if latest is None or latest - now <= self._span:
            self._latest = now if latest is None else max(latest, now)
            return
        # As if no time had passed since the latest call: more may have passed, so the rate is kept.
        self._begun = deque((begun - (latest - now) for begun in self._begun), self._begun.maxlen)
        self._turns.clear()  # those retry when the clock has caught up, as all that was delayed does
        self._latest = now
