"""Schedules of recurring messages: an interval, or a cron line in a time zone.

A slot is an instant. After a firing comes the first slot later than both that slot and the present, so slots that were
missed while nothing ran are made up for by one firing, and a clock that is set back repeats none.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from statefun_actors.asking.cron import CRON, check_cron, next_slot
from statefun_actors.errors import ValueMismatchError

_SHORTEST: Final = timedelta(seconds=1)
_LONGEST: Final = timedelta(days=3653)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Recurrence(Struct, frozen=True, gc=False, eq=False):
    """A schedule. Two are equal if they mean the same, regardless of case and blanks.

    Args:
        every_ms: the interval in milliseconds; 0 for a cron line.
        cron: the line as it was written; empty for an interval.
        tz: the IANA zone of the cron line.
    """

    every_ms: int
    cron: str = ""
    tz: str = "UTC"

    def __str__(self) -> str:
        if self.cron:
            return f"{' '.join(self.cron.split())} {self.tz}"
        return f"every {timedelta(milliseconds=self.every_ms)}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Recurrence) and self._compared() == other._compared()

    def __hash__(self) -> int:
        return hash(self._compared())

    def _compared(self) -> tuple[int, str, str]:
        return self.every_ms, " ".join(self.cron.upper().split()), self.tz

    @property
    def written(self) -> timedelta | str:
        """The schedule as it was passed to ``send_every``."""
        return self.cron or timedelta(milliseconds=self.every_ms)

    def first_ms(self, now_ms: int) -> int:
        """The first slot of a schedule that starts at *now_ms*, both in milliseconds since 1970."""
        return now_ms + self.every_ms if self.every_ms else self._after(now_ms)

    def next_ms(self, slot_ms: int, now_ms: int) -> int:
        """The first slot after both *slot_ms*, which has fired, and *now_ms*. Intervals keep their phase."""
        if self.every_ms:
            missed = max(0, now_ms - slot_ms) // self.every_ms
            return slot_ms + (missed + 1) * self.every_ms
        return self._after(max(slot_ms, now_ms))

    def _after(self, ms: int) -> int:
        """The first slot of the cron line after *ms*."""
        slot = next_slot(self.cron, self.tz, _EPOCH + timedelta(milliseconds=ms))
        return (slot - _EPOCH) // timedelta(milliseconds=1)


def recurrence(schedule: object, tz: object) -> Recurrence:
    """Parse the schedule of ``send_every(schedule, …, tz=tz)``.

    Raises:
        ValueMismatchError: an interval below a second; a cron line that is invalid or never fits; a zone that this
            machine does not know.
    """
    if isinstance(schedule, timedelta):
        if not _SHORTEST <= schedule <= _LONGEST:
            raise ValueMismatchError("an interval from one second to ten years", repr(schedule))
        if tz != "UTC":
            raise ValueMismatchError("no tz= with an interval, which is the same in all zones", repr(tz))
        return Recurrence(schedule // timedelta(milliseconds=1))
    if not isinstance(schedule, str):
        raise ValueMismatchError(f"a timedelta, or {CRON}", f"{schedule!r} ({type(schedule).__name__})")
    if not isinstance(tz, str):
        raise ValueMismatchError("a zone by its IANA name, such as tz='Europe/Paris'", f"{tz!r} ({type(tz).__name__})")
    return _cron(schedule, tz)


@functools.lru_cache(1_000)
def _cron(written: str, tz: str) -> Recurrence:
    check_cron(written, tz)
    return Recurrence(0, written, tz)
