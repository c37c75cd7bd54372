"""``DeniedTopics``: the topics that brokers don't let this program write, and when each is tried again."""

from __future__ import annotations

from typing import Final

from statefun_actors.backoff import Backoff

_TRY_AGAIN: Final = Backoff(0.2, 30.0)
_BETWEEN: Final = 1.0
"""Seconds between two tries of any of them: each is a transaction that fails, during which nothing else is written."""


class DeniedTopics:
    """Times are in seconds on the clock of the event loop."""

    def __init__(self) -> None:
        self._tried: dict[str, tuple[int, float]] = {}
        """By topic: the number of tries, and the time of the next one."""
        self._next = 0.0

    def __contains__(self, topic: str) -> bool:
        return topic in self._tried

    def deny(self, topic: str, now: float) -> bool:
        """A write to *topic* was denied; return whether it was the first one."""
        tries = self._tried[topic][0] + 1 if topic in self._tried else 1
        self._tried[topic] = tries, now + _TRY_AGAIN.seconds(tries)
        self._next = now + _BETWEEN
        return tries == 1

    def try_at(self, topic: str) -> float:
        """The time from which *topic* may be tried; for one that is not denied, a time in the past."""
        found = self._tried.get(topic)
        return 0.0 if found is None else max(found[1], self._next)

    def tries(self, topic: str) -> int:
        """The number of denied writes to *topic* since the last one that succeeded."""
        return self._tried[topic][0] if topic in self._tried else 0

    def forget(self, topic: str) -> None:
        """A write to *topic* succeeded, or none waits."""
        self._tried.pop(topic, None)
