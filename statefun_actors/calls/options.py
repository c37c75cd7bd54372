"""The options of a call."""

from __future__ import annotations

from datetime import timedelta
from typing import TypedDict


class CallOptions(TypedDict, total=False):
    """What ``tell`` and ``ask`` take beside their message."""

    timeout: timedelta | float
    """For this call with all its attempts: a timedelta, or seconds. Default: that of the client or runtime."""
    key: str
    """An idempotency key, scoped to the target and kept for a day: messages sent under one key are delivered once."""


def timeout_seconds(options: CallOptions, default: timedelta | float) -> float:
    """The timeout of a call, in seconds.

    Raises:
        ValueError: it is not greater than zero.
    """
    given = options.get("timeout", default)
    seconds = given.total_seconds() if isinstance(given, timedelta) else float(given)
    if not seconds > 0:
        raise ValueError(f"expected a timeout= of more than 0 seconds, got {given!r}")
    return seconds
