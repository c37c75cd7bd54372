"""``Durations``: histograms of times of the last minutes, by key, to which adding one costs next to nothing."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Hashable, Iterator
from typing import Final, Generic, TypeVar

import attrs

_K = TypeVar("_K", bound=Hashable)

WINDOW_SECONDS: Final = 60.0
WINDOWS: Final = 5
"""Windows that are kept, the current one included."""
_PARTS: Final = 16
"""Buckets between a time and its double: a quantile is exact to 3 %."""
_ZERO: Final = -1_000_000
"""The bucket of times of 0, in which a clock has made no step."""


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
        self._windows: deque[dict[_K, dict[int, int]]] = deque([{}], WINDOWS)
        self._current = self._windows[0]
        self._until = now + WINDOW_SECONDS

    def add(self, key: _K, seconds: float) -> None:
        """Count *seconds* for *key*."""
        counts = self._current.get(key)
        if counts is None:
            counts = self._current[key] = {}
        if seconds > 0:
            part, power = math.frexp(seconds)
            bucket = power * _PARTS + int(part * (2 * _PARTS))
        else:
            bucket = _ZERO
        counts[bucket] = counts.get(bucket, 0) + 1

    def advance(self, now: float) -> None:
        """Begin a new window if the current one is over at *now*, the seconds of one clock."""
        while now >= self._until:
            self._until += WINDOW_SECONDS
            if now >= self._until + WINDOWS * WINDOW_SECONDS:  # nobody looked for long
                self._until = now + WINDOW_SECONDS
            self._windows.append({})
            self._current = self._windows[-1]

    def summaries(self) -> Iterator[tuple[_K, Summary]]:
        """The keys that have times, with a summary of them all."""
        merged: dict[_K, Counter[int]] = {}
        for window in self._windows:
            for key, counts in window.items():
                merged.setdefault(key, Counter()).update(counts)
        for key, counts in merged.items():
            yield key, _summary(counts)


def _summary(counts: Counter[int]) -> Summary:
    total = counts.total()
    buckets = sorted(counts)
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
    """The middle of *bucket*."""
    if bucket == _ZERO:
        return 0.0
    power, part = divmod(bucket - _PARTS, _PARTS)
    return math.ldexp((part + _PARTS + 0.5) / (2 * _PARTS), power)
