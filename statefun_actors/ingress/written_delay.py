"""The delay of a message from outside."""

from __future__ import annotations

from statefun_actors.definition import delay_ms
from statefun_actors.errors import ValueMismatchError
from statefun_actors.units import read_duration


def delay_of(written: object) -> int:
    """The duration *written* in whole milliseconds. Raises ValueError: it is not a duration, or too long."""
    duration = read_duration(written)
    try:
        return delay_ms(duration)
    except ValueMismatchError as error:
        raise ValueError(f"expected {error.expected}, got {str(written)[:40]!r}") from None
