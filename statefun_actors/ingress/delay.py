"""The delay of a message from outside."""

from __future__ import annotations

from statefun_actors.definition import delay_ms
from statefun_actors.units import read_duration


def delay_of(written: object) -> int:
    """The duration *written* in whole milliseconds. Raises ValueError: it is not a duration, or too long."""
    return delay_ms(read_duration(written))
