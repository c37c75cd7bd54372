"""The options of a call."""

from __future__ import annotations

from datetime import timedelta
from typing import TypedDict

from statefun_actors.definition import delay_ms


class CallOptions(TypedDict, total=False):
    """Options of ``tell`` and ``ask``."""

    timeout: timedelta | float
    """The timeout of the call with all attempts: a timedelta, or seconds. Default: that of the client or runtime."""
    key: str
    """An idempotency key, scoped to the target and kept for a day: messages sent under one key are delivered once."""


class TellOptions(CallOptions, total=False):
    """Options of ``tell``."""

    after: timedelta | float
    """Delay of the delivery: a timedelta, or seconds. The message is durable on return."""


def delay_of(options: TellOptions) -> int:
    """The delay of a message, in milliseconds.

    Raises:
        ValueMismatchError: ``after=`` is negative, too long, or no delay.
    """
    after = options.get("after")
    return 0 if after is None else delay_ms(after)


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
