"""``Choices``: the decisions of one simulated run, in order. A run is repeated by repeating its decisions.

A decision is a number from 0 to n - 1, and 0 never causes a fault. So a list of decisions is made simpler by
truncating it, since a missing decision counts as 0, and by replacing numbers with 0.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol


class Choices(Protocol):
    """A source of decisions. ``made`` has those made so far."""

    made: list[int]

    def pick(self, count: int) -> int:
        """A number from 0 to *count* - 1, all equally likely."""
        ...

    def happens(self, probability: float) -> bool:
        """Whether something of *probability* (0 to 1) happens."""
        ...


class RandomChoices:
    """Decisions at random, the same ones for the same *seed*."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self.made: list[int] = []

    def pick(self, count: int) -> int:
        chosen = self._random.randrange(count)
        self.made.append(chosen)
        return chosen

    def happens(self, probability: float) -> bool:
        happens = self._random.random() < probability
        self.made.append(int(happens))
        return happens


class RecordedChoices:
    """The decisions *recorded*, then only 0."""

    def __init__(self, recorded: Sequence[int]) -> None:
        self._recorded = recorded
        self.made: list[int] = []

    def pick(self, count: int) -> int:
        at = len(self.made)
        # A recorded decision may be out of range, since the script was truncated elsewhere: it is reduced to fit.
        chosen = min(self._recorded[at], count - 1) if at < len(self._recorded) else 0
        self.made.append(chosen)
        return chosen

    def happens(self, probability: float) -> bool:
        return bool(self.pick(2)) and probability > 0
