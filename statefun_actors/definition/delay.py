"""Conversion of delays, as users give them, to milliseconds."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from statefun_actors.definition.error_text import shown
from statefun_actors.errors import ValueMismatchError

_MS: Final = timedelta(milliseconds=1)
LONGEST_DELAY: Final = timedelta(days=365_250)
"""A thousand years: the due time is then a date that Python, stores and wires can represent."""


def delay_ms(delay: object) -> int:
    """*delay* (a timedelta, or seconds) in whole milliseconds, rounded up.

    Raises:
        ValueMismatchError: negative, longer than LONGEST_DELAY, or not a number.
    """
    duration = _duration(delay)
    ms, rest = divmod(duration, _MS)
    if rest:
        ms += 1
    if ms < 0 or (not ms and duration):
        raise ValueMismatchError("a delay of zero or more", f"{delay!r}")
    if duration > LONGEST_DELAY:
        raise ValueMismatchError(_MOST, f"{delay!r}")
    return ms


_MOST: Final = f"a delay of at most {LONGEST_DELAY.days:,} days"


def _duration(delay: object) -> timedelta:
    if isinstance(delay, timedelta):
        return delay
    if not isinstance(delay, int | float) or isinstance(delay, bool):
        raise ValueMismatchError("a delay as timedelta or seconds", f"{delay!r}")
    if delay < 0:
        raise ValueMismatchError("a delay of zero or more", f"{delay!r}")
    try:
        return timedelta(seconds=delay)
    except OverflowError:
        raise ValueMismatchError(_MOST, f"{shown(delay)}") from None
    except ValueError:
        raise ValueMismatchError("a delay as timedelta or seconds", f"{delay!r}") from None
