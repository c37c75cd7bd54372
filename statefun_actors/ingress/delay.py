"""The delay of a message from outside."""

from __future__ import annotations

from statefun_actors.definition import delay_ms
from statefun_actors.units import read_duration


def delay_of(written: object) -> int:
    """*written*, a duration, in whole milliseconds. Raises ValueError: it is none, or it is too long."""
    return delay_ms(read_duration(written))
