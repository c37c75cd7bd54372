"""Delays as users write them."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from statefun_actors.errors import ValueMismatchError

_MS: Final = timedelta(milliseconds=1)
_LONGEST: Final = timedelta.max // _MS


def delay_ms(delay: object) -> int:
    """*delay* (a timedelta, or seconds) in whole milliseconds, rounded up.

    Raises:
        ValueMismatchError: negative, not a number, or no delay at all.
    """
    duration = _duration(delay)
    ms, rest = divmod(duration, _MS)
    if rest and ms < _LONGEST:
        ms += 1
    if ms < 0 or (not ms and duration):
        raise ValueMismatchError("a delay of zero or more", f"{delay!r}")
    return ms


def _duration(delay: object) -> timedelta:
    if isinstance(delay, timedelta):
        return delay
    if not isinstance(delay, int | float) or isinstance(delay, bool):
        raise ValueMismatchError("a delay as timedelta or seconds", f"{delay!r}")
    if delay < 0:
        raise ValueMismatchError("a delay of zero or more", f"{delay!r}")
    try:
        return timedelta(seconds=delay)
    except (ValueError, OverflowError):
        raise ValueMismatchError("a delay as timedelta or seconds", f"{delay!r}") from None
