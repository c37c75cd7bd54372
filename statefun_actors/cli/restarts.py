"""``Restarts``: when a process that has ended is started again."""

from __future__ import annotations

from typing import Final

from statefun_actors.backoff import Backoff
from statefun_actors.cli.processes import Ended

STEADY: Final = 30.0
"""Seconds after which a process that ends is started again at once."""
_BACKOFF: Final = Backoff(0.05, 10.0)


class Restarts:
    """How long to wait before a process is started again: longer after each end in a row soon after its start."""

    def __init__(self) -> None:
        self.failures = 0
        """How often it has ended in a row, each time within :data:`STEADY` seconds of its start."""

    def pause(self, ended: Ended) -> float:
        """The seconds until the process that has *ended* is started again."""
        self.failures = 0 if ended.seconds > STEADY else self.failures + 1
        return _BACKOFF.seconds(self.failures) if self.failures else 0.0
