"""``Durations``: histograms of times of the last minutes, by key, to which adding one costs next to nothing."""

from __future__ import annotations

import struct
import sys
from array import array
from collections import Counter, deque
from collections.abc import Hashable, Iterator
from typing import Final, Generic, TypeVar

import attrs

_K = TypeVar("_K", bound=Hashable)

WINDOW_SECONDS: Final = 60.0
WINDOWS: Final = 5
"""Windows that are kept, the current one included."""
MOST_ADDED: Final = 1_000
"""Times of a key that are counted together."""
_NEGATIVE: Final = 0x8000
_LAST: Final = 3 if sys.byteorder == "little" else 0
"""The position of the first 16 bits of a float among its four parts of 16 bits."""


@attrs.frozen
class Summary:
    """The number of times of the last minutes, and quantiles of them in seconds; *most* is the longest bucket's."""

    count: int
    p50: float
    p99: float
    most: float


class Durations(Generic[_K]):
    """Times in seconds, each counted for a key. Keys must be few: handlers, not entities."""

    def __init__(self, now: float) -> None:
        self._windows: deque[dict[_K, Counter[int]]] = deque([{}], WINDOWS)
        self._added: dict[_K, array[float]] = {}
        """Times of the current window that are not in it yet: many are counted in the time of a few."""
        self._until = now + WINDOW_SECONDS

    def add(self, key: _K, seconds: float) -> None:
        """Count *seconds* for *key*."""
        added = self._added.get(key)
        if added is None:
            added = self._added[key] = array("d")
        added.append(seconds)
        if len(added) >= MOST_ADDED:
            self._count()

    def _count(self) -> None:
        """Move the added times to the current window.

        The bucket of a time is the first 16 bits of its float: the exponent, and 4 bits of the fraction. So there are
        16 buckets between a time and its double, and a quantile is exact to 3 %.
        """
        window = self._windows[-1]
        for key, added in self._added.items():
            window.setdefault(key, Counter()).update(memoryview(added).cast("B").cast("H")[_LAST::4].tolist())
        self._added = {}

    def advance(self, now: float) -> None:
        """Begin a new window if the current one is over at *now*, the seconds of one clock."""
        if now >= self._until:
            self._count()
        while now >= self._until:
            self._until += WINDOW_SECONDS
            if now >= self._until + WINDOWS * WINDOW_SECONDS:  # nobody looked for long
                self._until = now + WINDOW_SECONDS
            self._windows.append({})

    def summaries(self) -> Iterator[tuple[_K, Summary]]:
        """The keys that have times, with a summary of them all."""
        self._count()
        merged: dict[_K, Counter[int]] = {}
        for window in self._windows:
            for key, counts in window.items():
                merged.setdefault(key, Counter()).update(counts)
        for key, counts in merged.items():
            yield key, _summary(counts)


def _summary(counts: Counter[int]) -> Summary:
    total = counts.total()
    buckets = sorted(counts, key=_seconds)
    return Summary(
        total, _quantile(counts, buckets, total, 0.5), _quantile(counts, buckets, total, 0.99), _seconds(buckets[-1])
    )


def _quantile(counts: Counter[int], buckets: list[int], total: int, share: float) -> float:
    wanted, seen = share * total, 0
    for bucket in buckets:
        seen += counts[bucket]
        if seen >= wanted:
            return _seconds(bucket)
    return _seconds(buckets[-1])


def _seconds(bucket: int) -> float:
    """The middle of *bucket*. It is 0 for a time of 0 or less: a clock made no step, or was set back."""
    if bucket == 0 or bucket >= _NEGATIVE:
        return 0.0
    (middle,) = struct.unpack(">d", struct.pack(">HHI", bucket, 0x8000, 0))
    assert isinstance(middle, float)
    return middle
