"""The options of a call."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, TypedDict

from statefun_actors.asking import KEY_FORM, key_mismatch
from statefun_actors.definition import delay_ms, timeout_ms
from statefun_actors.errors import ValueMismatchError


class CallOptions(TypedDict, total=False):
    """Options of ``tell`` and ``ask``."""

    timeout: timedelta | float | None
    """The timeout of the call with all attempts, at most ten years: a timedelta, or seconds. Default, and None: that of
    the client or runtime.
    """
    key: str | None
    """An idempotency key, scoped to the target and kept for a day: messages sent under one key are delivered once. 1 to
    255 printable ASCII characters without a space at either end.
    """


class TellOptions(CallOptions, total=False):
    """Options of ``tell``."""

    after: timedelta | float | None
    """Delay of the delivery: a timedelta, or seconds. The message is durable on return."""


_CALL: Final = tuple(CallOptions.__annotations__)
_TELL: Final = tuple(TellOptions.__annotations__)


def check_call(call: str, options: CallOptions) -> None:
    """Check the options of *call*, ``ask`` or ``answer``.

    Raises:
        TypeError: there is no such option.
        ValueMismatchError: ``key=`` is no idempotency key.
    """
    if options:
        _check(call, options, _CALL)


def check_tell(options: TellOptions) -> None:
    """Check the options of ``tell``. Raises as :func:`check_call` does."""
    if options:
        _check("tell", options, _TELL)


def _check(call: str, options: CallOptions | TellOptions, names: tuple[str, ...]) -> None:
    for name in options:
        if name not in names:
            raise TypeError(f"unknown option {name!r} of {call}(); expected one of: {', '.join(sorted(names))}")
    check_key(options.get("key"))


def check_key(key: object) -> None:
    """Check an idempotency key; None: not given. Raises ValueMismatchError: it is none."""
    if key is not None and (got := key_mismatch(key)) is not None:
        raise ValueMismatchError(f"key= as {KEY_FORM}", got)


def delay_of(options: TellOptions) -> int:
    """The delay of a message, in milliseconds.

    Raises:
        ValueMismatchError: ``after=`` is negative, too long, or no delay.
    """
    after = options.get("after")
    return 0 if after is None else delay_ms(after)


def checked_timeout(timeout: object) -> float:
    """*timeout* (a timedelta, or seconds) in seconds.

    Raises:
        ValueMismatchError: not more than zero, longer than ten years, or not a number.
    """
    return timeout_ms(timeout) / 1000


def timeout_seconds(options: CallOptions, default: float) -> float:
    """The timeout of a call, in seconds; *default* where it has none. Raises as :func:`checked_timeout` does."""
    timeout = options.get("timeout")
    return default if timeout is None else checked_timeout(timeout)
