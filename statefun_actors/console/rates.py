"""``Rates``: the messages a second of the last minutes, as a chart."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import attrs

SECONDS: Final = 5.0
"""Between two samples."""
MOST: Final = 60
"""Intervals that are kept: five minutes."""
WIDTH: Final = 240
HEIGHT: Final = 40


class Rates:
    """Takes a sample of a counter every 5 seconds on the running event loop, until it is closed.

    Args:
        count: returns the counter, which only grows.
        sampled: called with each sample.
    """

    def __init__(self, count: Callable[[], int], sampled: Callable[[], object] | None = None) -> None:
        self._count, self._sampled = count, sampled
        self._loop = asyncio.get_running_loop()
        self._samples: deque[tuple[float, int]] = deque([(self._loop.time(), count())], MOST + 1)
        self._timer = self._loop.call_later(SECONDS, self._sample)

    def _sample(self) -> None:
        self._samples.append((self._loop.time(), self._count()))
        self._timer = self._loop.call_later(SECONDS, self._sample)
        if self._sampled is not None:
            self._sampled()

    def chart(self) -> Chart:
        """The rates until now."""
        samples = list(self._samples)
        now = (self._loop.time(), self._count())
        # The interval that has just begun has too little to show, unless it is the only one.
        if now[0] - samples[-1][0] >= SECONDS / 2 or len(samples) == 1:
            samples.append(now)
        return chart(samples)

    def close(self) -> None:
        self._timer.cancel()


@attrs.frozen
class Chart:
    """Messages a second: the rate *now*, the highest one, and the points of a line in a box of WIDTH by HEIGHT."""

    now: float
    most: float
    seconds: float
    points: str

    @property
    def box(self) -> str:
        """The ``viewBox`` of an SVG image with the line."""
        return f"0 0 {WIDTH} {HEIGHT}"


def chart(samples: Sequence[tuple[float, int]]) -> Chart:
    """The rates between *samples*, pairs of seconds and counters, oldest first."""
    rates = [max(0, after - before) / max(end - begin, 0.001) for (begin, before), (end, after) in pairwise(samples)]
    most, step = max(rates), WIDTH / MOST
    left = WIDTH - step * (len(rates) - 1)  # the newest is at the right edge
    points = (
        f"{left + step * at:.1f},{HEIGHT - 1 - (HEIGHT - 2) * rate / (most or 1):.1f}" for at, rate in enumerate(rates)
    )
    return Chart(rates[-1], most, samples[-1][0] - samples[0][0], " ".join(points))
