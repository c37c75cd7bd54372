"""Conversion of delays and timeouts, as users give them, to milliseconds."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from statefun_actors.asking import LONGEST_MS
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
        raise ValueMismatchError("a delay of zero or more", shown(delay))
    if duration > LONGEST_DELAY:
        raise ValueMismatchError(_MOST, shown(delay))
    return ms


_MOST: Final = f"a delay of at most {LONGEST_DELAY.days:,} days"


_TIMEOUT: Final = "a timedelta or seconds, more than zero and at most ten years"


def timeout_ms(timeout: object) -> int:
    """*timeout* (a timedelta, or seconds) in whole milliseconds, rounded up.

    Raises:
        ValueMismatchError: not more than zero, longer than ten years, or not a number.
    """
    try:
        ms = delay_ms(timeout)
    except ValueMismatchError:
        ms = 0
    if not 0 < ms <= LONGEST_MS:
        raise ValueMismatchError(f"timeout= as {_TIMEOUT}", shown(timeout))
    return ms


def timeout_problem(timeout: object) -> str | None:
    """The problem of the option ``timeout=`` of a definition, if any."""
    try:
        timeout_ms(timeout)
    except ValueMismatchError:
        return f"timeout= is {_TIMEOUT}; got {shown(timeout)}"
    return None


def _duration(delay: object) -> timedelta:
    if isinstance(delay, timedelta):
        return delay
    if not isinstance(delay, int | float) or isinstance(delay, bool):
        raise ValueMismatchError("a delay as timedelta or seconds", shown(delay))
    if delay < 0:
        raise ValueMismatchError("a delay of zero or more", shown(delay))
    try:
        return timedelta(seconds=delay) or (timedelta.resolution if delay else timedelta())
    except OverflowError:
        raise ValueMismatchError(_MOST, shown(delay)) from None
    except ValueError:
        raise ValueMismatchError("a delay as timedelta or seconds", shown(delay)) from None
