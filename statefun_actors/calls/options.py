"""The options of a call."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, TypedDict

from statefun_actors.definition import delay_ms
from statefun_actors.errors import ValueMismatchError


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


_CALL: Final = tuple(CallOptions.__annotations__)
_TELL: Final = tuple(TellOptions.__annotations__)


def check_call(options: CallOptions) -> None:
    """Check the options of ``ask`` and ``answer``.

    Raises:
        TypeError: there is no such option.
        ValueMismatchError: ``key=`` is not a non-empty string.
    """
    if options:
        _check(options, _CALL)


def check_tell(options: TellOptions) -> None:
    """Check the options of ``tell``. Raises as :func:`check_call` does."""
    if options:
        _check(options, _TELL)


def _check(options: CallOptions | TellOptions, names: tuple[str, ...]) -> None:
    for name in options:
        if name not in names:
            raise TypeError(f"unknown option {name!r}; expected one of: {', '.join(sorted(names))}")
    check_key(options.get("key"))


def check_key(key: object) -> None:
    """Check an idempotency key; None: not given. Raises ValueMismatchError: it is not a non-empty string."""
    if key is not None and not (isinstance(key, str) and key):
        raise ValueMismatchError("key= as a non-empty string", f"{key!r} ({type(key).__name__})")


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
        ValueMismatchError: it is not a timedelta or a number, or not greater than zero.
    """
    given: object = options.get("timeout", default)
    if isinstance(given, timedelta):
        seconds = given.total_seconds()
    elif isinstance(given, int | float) and not isinstance(given, bool):
        seconds = float(given)
    else:
        raise ValueMismatchError("timeout= as a timedelta or seconds", f"{given!r} ({type(given).__name__})")
    if not seconds > 0:
        raise ValueMismatchError("a timeout= of more than 0 seconds", f"{given!r}")
    return seconds
