"""Delays as users write them."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from statefun_actors.errors import ValueMismatchError

_MS: Final = timedelta(milliseconds=1)


def delay_ms(delay: object) -> int:
    """*delay* (a timedelta, or seconds) in whole milliseconds, rounded up.

    Raises:
        ValueMismatchError: negative, not a number, or no delay at all.
    """
    if delay.__class__ is not timedelta:
        if not isinstance(delay, int | float | timedelta) or isinstance(delay, bool):
            raise ValueMismatchError("a delay as timedelta or seconds", f"{delay!r}")
        if not isinstance(delay, timedelta):
            if delay < 0:
                raise ValueMismatchError("a delay of zero or more", f"{delay!r}")
            try:
                delay = timedelta(seconds=delay)
            except (ValueError, OverflowError):
                raise ValueMismatchError("a delay as timedelta or seconds", f"{delay!r}") from None
    ms = -(-delay // _MS)
    if ms < 0 or (not ms and delay):
        raise ValueMismatchError("a delay of zero or more", f"{delay!r}")
    return int(ms)
