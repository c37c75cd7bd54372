"""Schedules of recurring messages: an interval, or a cron line in a time zone.

A slot is an instant. After a firing comes the first slot later than both that slot and the present, so slots that were
missed while nothing ran are made up for by one firing, and a clock that is set back repeats none.

cronsim parses cron lines as Debian's cron does: with a day of month and a weekday, either matches; if minute and hour
are given, a time that the clocks skip fires at the end of the gap, and a time that is repeated fires the first time.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from msgspec import Struct

from statefun_actors.errors import ValueMismatchError

_SHORTEST: Final = timedelta(seconds=1)
_LONGEST: Final = timedelta(days=3653)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIELDS: Final = ("minute", "hour", "day of month", "month", "weekday")
_NAMES: Final[tuple[list[str], ...]] = (
    [],
    [],
    [],
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
)
_CRON: Final = "a cron line of five fields, minute, hour, day of month, month and weekday, such as '0 9 * * mon-fri'"
_ITEM: Final = re.compile(r"(\*|[0-9A-Z]+(-[0-9A-Z]+)?)(/[0-9]+)?")


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
        after = _EPOCH + timedelta(milliseconds=ms)
        for slot in CronSim(self.cron, after.astimezone(ZoneInfo(self.tz))):
            # Within the repeated hour cronsim does not distinguish the first from the second.
            if (at := slot.astimezone(UTC)) > after:
                return (at - _EPOCH) // timedelta(milliseconds=1)
        raise AssertionError(f"the cron line {self.cron!r} has no slot after {after}")  # checked at the call


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
        raise ValueMismatchError(f"a timedelta, or {_CRON}", f"{schedule!r} ({type(schedule).__name__})")
    if not isinstance(tz, str):
        raise ValueMismatchError("a zone by its IANA name, such as tz='Europe/Paris'", f"{tz!r} ({type(tz).__name__})")
    return _cron(schedule, tz)


@functools.lru_cache(1_000)
def _cron(written: str, tz: str) -> Recurrence:
    fields = written.upper().split()
    if len(fields) != len(_FIELDS):
        raise ValueMismatchError(_CRON, repr(written))
    for field, name, names in zip(fields, _FIELDS, _NAMES, strict=True):
        for item in field.split(","):
            words = re.findall(r"[A-Z]+", item)
            if not _ITEM.fullmatch(item) or any(word not in names for word in words):
                raise ValueMismatchError(_CRON, f"{written!r}, whose {name} {item.lower()!r} can't be read")
    try:
        zone = ZoneInfo(tz)
    except (ValueError, LookupError, OSError):
        expected = "a zone by its IANA name, such as 'Europe/Paris' (a machine without zones needs: pip install tzdata)"
        raise ValueMismatchError(expected, repr(tz)) from None
    try:
        next(CronSim(written, datetime(2026, 1, 1, tzinfo=zone)))
    except CronSimError as error:
        raise ValueMismatchError(_CRON, f"{written!r}: {error}") from None
    except (StopIteration, RuntimeError):
        raise ValueMismatchError("a cron line that matches some day", f"{written!r}, which never does") from None
    return Recurrence(0, written, tz)
