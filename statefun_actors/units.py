"""Parsers of durations and sizes: for the command line, settings files, URLs and lines of JSON.

All of them use one grammar for durations and one for sizes. Only module.yaml differs: its durations are Flink's, where
a number without a unit is milliseconds.
"""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Final

import msgspec

_UNITS: Final = (
    timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1), timedelta(milliseconds=1),
)  # fmt: skip
"""In the order of the groups of ``_DURATION``."""
_NUMBER: Final = r"(\d+(?:\.\d+)?) *"
_DURATION: Final = re.compile(
    rf"(?:{_NUMBER}d)? *(?:{_NUMBER}h)? *(?:{_NUMBER}(?:min|m))? *(?:{_NUMBER}s)? *(?:{_NUMBER}ms)?",
    re.ASCII | re.IGNORECASE,
)
_BARE: Final = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_SIZE: Final = re.compile(r"(\d+) *(?:([kmgt])i?b?|b)?", re.ASCII | re.IGNORECASE)
_BYTES: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}

DURATION_FORM: Final = "a duration, such as 500ms, 5s, 2m, 1h30m, 7d or PT5S (a number alone is seconds)"
SIZE_FORM: Final = "a size in bytes, more than 0, such as 65536, 64K, 64M, 64MiB or 1G (K is 1024)"
_LONGEST_SHOWN: Final = 60


def read_duration(value: object) -> timedelta:
    """Parse a duration of zero or more.

    A number is seconds. Text is a number of seconds; numbers with the units ``d``, ``h``, ``m`` (or ``min``), ``s``,
    ``ms``, the larger ones first; or an ISO 8601 duration without years and months: ``PT5S``, ``P1DT12H``.

    Raises:
        ValueError: *value* is not a duration; the text says what was expected and what was given.
    """
    try:
        duration = _duration(value)
    except (OverflowError, msgspec.ValidationError):
        duration = None
    if duration is None or duration < timedelta(0):
        raise ValueError(f"expected {DURATION_FORM}, got {_shown(value)}")
    return duration


def read_seconds(value: object) -> float:
    """Parse a duration, as :func:`read_duration` does, and return its seconds."""
    return read_duration(value).total_seconds()


def write_duration(duration: timedelta) -> str:
    """*duration*, zero or more, as :func:`read_duration` reads it, to the millisecond: ``1h30m``."""
    left, words = duration, []
    for unit, name in zip(_UNITS, ("d", "h", "m", "s", "ms"), strict=True):
        count, left = divmod(left, unit)
        if count:
            words.append(f"{count}{name}")
    return "".join(words) or "0s"


def read_size(value: object) -> int:
    """Parse a size of one byte or more, and return its bytes.

    A whole number is bytes. Text is a whole number, alone, with ``B``, or with one of the units ``K``, ``M``, ``G``,
    ``T``, each 1024 times the one before; ``k``, ``KB``, ``KiB`` and ``Ki`` are the same as ``K``.

    Raises:
        ValueError: *value* is not a size; the text says what was expected and what was given.
    """
    match = _SIZE.fullmatch(str(value).strip()) if isinstance(value, str | int) else None
    size = int(match[1]) * _BYTES[(match[2] or "").lower()] if match and len(match[1]) <= 20 else 0
    if size <= 0:
        raise ValueError(f"expected {SIZE_FORM}, got {_shown(value)}")
    return size


def _duration(value: object) -> timedelta | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=value) if math.isfinite(value) else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    if text[:1] in {"P", "p"}:
        return msgspec.convert(text, timedelta)
    if _BARE.fullmatch(text):
        return timedelta(seconds=float(text))
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    parts = zip(match.groups(), _UNITS, strict=True)
    return sum((float(number) * unit for number, unit in parts if number), timedelta(0))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
