"""``SimulationError``: the report of a failed simulation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from statefun_actors.testing.faults import LogEntry

_LINES: Final = 60


class SimulationError(AssertionError):
    """A scenario fails, or has another result, under faults that happen on both engines.

    Args:
        seed: the seed of the failing run; None if it fails without faults.
        what: the first difference, or the error.
        log: the log of the shortest run that shows it.
        advice: likely causes.
    """

    def __init__(self, seed: int | None, what: str, log: Sequence[LogEntry], advice: str) -> None:
        super().__init__(seed, what, log, advice)
        self.seed, self.what, self.log, self.advice = seed, what, log, advice

    def __str__(self) -> str:
        left_out = len(self.log) - _LINES
        lines = [
            self.what,
            "",
            self.advice,
            "",
            "what happened, in the shortest run found:" if self.seed is not None else "what happened:",
            *([f"  ({left_out} lines before)"] if left_out > 0 else []),
            *[f"  {entry}" for entry in self.log[-_LINES:]],
        ]
        return "\n".join(lines)
