"""Cron lines of five fields, and the instants at which they fire.

cronsim parses them as Debian's cron does: with a day of month and a weekday, either matches. It finds the next wall
time that fits. If minute and hour are given, a time that the clocks skip fires at the end of the gap, and a time that
is repeated fires the first time. Other lines are in real time: each instant whose wall time fits.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from statefun_actors.errors import ValueMismatchError

_FIELDS: Final = ("minute", "hour", "day of month", "month", "weekday")
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_NAMES: Final[tuple[tuple[str, ...], ...]] = ((), (), (), _MONTHS, _WEEKDAYS)
_NUMBERS: Final = {name: str(n) for n, name in (*enumerate(_MONTHS, 1), *enumerate(_WEEKDAYS))}
CRON: Final = "a cron line of five fields, minute, hour, day of month, month and weekday, such as '0 9 * * mon-fri'"
_ITEM: Final = re.compile(r"(\*|[0-9A-Z]{1,4}(-[0-9A-Z]{1,4})?)(/[0-9]{1,4})?")
_RANGE_OF_ONE: Final = re.compile(r"\b0*([0-9]+)-0*\1/[0-9]+")
_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)


def check_cron(written: str, tz: str) -> None:
    """Check a cron line and its zone.

    Raises:
        ValueMismatchError: the line is invalid or never fits; this machine does not know the zone.
    """
    fields = written.upper().split()
    if len(fields) != len(_FIELDS):
        raise ValueMismatchError(CRON, repr(written))
    for field, name, names in zip(fields, _FIELDS, _NAMES, strict=True):
        for item in field.split(","):
            words = re.findall(r"[A-Z]+", item)
            if not _ITEM.fullmatch(item) or any(word not in names for word in words):
                raise ValueMismatchError(CRON, f"{written!r}, whose {name} {item.lower()!r} can't be read")
    try:
        ZoneInfo(tz)
    except (ValueError, LookupError, OSError):
        expected = "a zone by its IANA name, such as 'Europe/Paris' (a machine without zones needs: pip install tzdata)"
        raise ValueMismatchError(expected, repr(tz)) from None
    try:
        next(CronSim(_for_cronsim(written), datetime(2026, 1, 1)))  # noqa: DTZ001 - a wall time
    except CronSimError as error:
        raise ValueMismatchError(CRON, f"{written!r}: {error}") from None
    except (StopIteration, RuntimeError):
        raise ValueMismatchError("a cron line that matches some day", f"{written!r}, which never does") from None


def next_slot(written: str, tz: str, after: datetime) -> datetime:
    """The first instant later than *after* at which a cron line that has been checked fires."""
    line, zone = _for_cronsim(written), ZoneInfo(tz)
    minute, hour, *_ = line.split()
    if minute.startswith("*") or hour.startswith("*"):
        return _next_in_real_time(line, zone, after)
    for slot in CronSim(line, after.astimezone(zone)):
        # Within the repeated hour cronsim does not distinguish the first from the second.
        if (at := slot.astimezone(UTC)) > after:
            return at
    raise AssertionError(f"the cron line {written!r} has no slot after {after}")  # checked at the call


@functools.lru_cache(1_000)
def _for_cronsim(written: str) -> str:
    """The line with numbers for names, and n for n-n/step, which cronsim reads as n/step."""
    numbers = re.sub(r"[A-Z]+", lambda name: _NUMBERS[name[0]], written.upper())
    return _RANGE_OF_ONE.sub(r"\1", numbers)


def _next_in_real_time(line: str, zone: ZoneInfo, after: datetime) -> datetime:
    """Between two changes of the offset, wall time runs as time does: so from one change to the next.

    With a zone, cronsim itself steps by whole hours, and from midnight to midnight, where either may not exist.
    """
    since = after.replace(microsecond=0) + _SECOND
    while True:
        offset = _offset(zone, since)
        wall = next(CronSim(line, (since + offset - _SECOND).replace(tzinfo=None)))
        slot = wall.replace(tzinfo=UTC) - offset
        change = _next_change(zone, since, slot)
        if change is None:
            return slot
        since = change


def _next_change(zone: ZoneInfo, since: datetime, until: datetime) -> datetime | None:
    """The first instant after *since*, and not after *until*, at which the offset of *zone* is another one.

    All are in whole seconds. A change that is taken back within a day is not seen.
    """
    offset = _offset(zone, since)
    while since < until:
        later = min(since + _DAY, until)
        if _offset(zone, later) != offset:
            while (apart := (later - since) // _SECOND) > 1:
                middle = since + apart // 2 * _SECOND
                if _offset(zone, middle) == offset:
                    since = middle
                else:
                    later = middle
            return later
        since = later
    return None


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    offset = at.astimezone(zone).utcoffset()
    assert offset is not None  # as of each zone of the IANA
    return offset
