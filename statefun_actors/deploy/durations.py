"""Durations as Flink reads and writes them: ``15min``, ``2 min``, ``500ms``; a bare number is milliseconds."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_UNITS: Final = {
    timedelta(days=1): ("d", "day"),
    timedelta(hours=1): ("h", "hour"),
    timedelta(minutes=1): ("min", "m", "minute"),
    timedelta(seconds=1): ("s", "sec", "second"),
    timedelta(milliseconds=1): ("ms", "milli", "millisecond"),
    timedelta(microseconds=1): ("µs", "micro", "microsecond"),
}
_BY_LABEL: Final = {
    **{label: unit for unit, labels in _UNITS.items() for label in labels},
    **{f"{label}s": unit for unit, labels in _UNITS.items() for label in labels if len(label) > 2},
    "": timedelta(milliseconds=1),
}
_DURATION: Final = re.compile(r"\s*(\d+)\s*([a-zµ]*)\s*", re.IGNORECASE)


def read_duration(text: str) -> timedelta:
    """Parse *text*. Raises ValueError: it is not a duration."""
    match = _DURATION.fullmatch(text)
    unit = _BY_LABEL.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise ValueError(text)
    return int(match[1]) * unit


def write_duration(duration: timedelta) -> str:
    """*duration* in the largest unit that divides it."""
    for unit, labels in _UNITS.items():
        if duration >= unit and duration % unit == timedelta(0):
            return f"{duration // unit}{labels[0]}"
    return f"{duration // timedelta(milliseconds=1)}ms"
