"""When recurring messages fire, against a slow and simple calendar of our own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from statefun_actors.asking import Recurrence, recurrence
from statefun_actors.errors import ValueMismatchError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def ms(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def at(text: str) -> int:
    return ms(datetime.fromisoformat(text))


def slots(line: str, tz: str, after: str, count: int) -> list[str]:
    """The first slots of a cron line, as its zone writes them."""
    found, now = [], at(after)
    schedule = recurrence(line, tz)
    slot = schedule.first_ms(now)
    for _ in range(count):
        found.append((EPOCH + timedelta(milliseconds=slot)).astimezone(ZoneInfo(tz)).isoformat(timespec="minutes"))
        slot = schedule.next_ms(slot, slot)
    return found


@pytest.mark.parametrize(
    ("line", "tz", "after", "expected"),
    [
        pytest.param(
            "0 9 * * mon-fri", "Europe/Paris", "2026-11-27T12:00+00:00",
            ["2026-11-30T09:00+01:00", "2026-12-01T09:00+01:00"], id="weekdays",
        ),
        pytest.param(
            "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00+00:00",
            ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"], id="a time in a gap",
        ),
        pytest.param(
            "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00+00:00",
            ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"], id="a time that comes twice fires the first time",
        ),
        pytest.param(
            "45 2 * * *", "Europe/Berlin", "2026-10-25T01:10+00:00",
            ["2026-10-26T02:45+01:00"], id="within the second of two equal hours",
        ),
        pytest.param(
            "*/30 * * * *", "Europe/Berlin", "2026-10-25T00:15+00:00",
            ["2026-10-25T02:30+02:00", "2026-10-25T02:00+01:00", "2026-10-25T02:30+01:00"], id="real time goes on",
        ),
        pytest.param(
            "0 0 * * *", "America/Santiago", "2026-09-05T12:00+00:00",
            ["2026-09-06T01:00-03:00", "2026-09-07T00:00-03:00"], id="midnight is skipped",
        ),
        pytest.param(
            "15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00+00:00",
            ["2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00"], id="half an hour is skipped",
        ),
        pytest.param(
            "0 0 13 * fri", "UTC", "2026-11-01T00:00+00:00",
            ["2026-11-06T00:00+00:00", "2026-11-13T00:00+00:00", "2026-11-20T00:00+00:00"], id="either day fits",
        ),
        pytest.param(
            "0 0 29 2 *", "UTC", "2026-11-01T00:00+00:00", ["2028-02-29T00:00+00:00"], id="a leap day",
        ),
        pytest.param(
            "5/20 1 * * *", "UTC", "2026-11-01T00:00+00:00",
            ["2026-11-01T01:05+00:00", "2026-11-01T01:25+00:00", "2026-11-01T01:45+00:00"], id="a step from a number",
        ),
        pytest.param(
            "0 9-9/2 * * *", "UTC", "2026-11-01T00:00+00:00",
            ["2026-11-01T09:00+00:00", "2026-11-02T09:00+00:00"], id="a step in a range of one number",
        ),
        pytest.param(
            "0-00/5 10-010/3 1-11/5 nov-11/2 *", "UTC", "2026-11-01T00:00+00:00",
            ["2026-11-01T10:00+00:00", "2026-11-06T10:00+00:00", "2026-11-11T10:00+00:00", "2027-11-01T10:00+00:00"],
            id="ranges of one number that is written in two ways",
        ),
        pytest.param(
            "0 */6 * * *", "Australia/Lord_Howe", "2026-04-04T13:00+00:00",
            ["2026-04-05T06:00+10:30", "2026-04-05T12:00+10:30"], id="hours after half an hour came twice",
        ),
        pytest.param(
            "* 18 * * *", "Australia/Lord_Howe", "2026-04-04T13:00+00:00",
            ["2026-04-05T18:00+10:30", "2026-04-05T18:01+10:30"], id="minutes after half an hour came twice",
        ),
        pytest.param(
            "*/30 1-2 * * *", "Australia/Lord_Howe", "2026-10-03T14:50+00:00",
            ["2026-10-04T01:30+10:30", "2026-10-04T02:30+11:00"], id="real time skips half an hour",
        ),
        pytest.param(
            "*/20 0-9/3 19/5 * *", "Asia/Beirut", "2026-03-28T12:00+00:00",
            ["2026-03-29T03:00+03:00", "2026-03-29T03:20+03:00"], id="a day that begins after midnight",
        ),
        pytest.param(
            "*/30 * * * *", "Africa/Monrovia", "1972-01-07T00:00+00:00",
            ["1972-01-06T23:30-00:44:30", "1972-01-07T01:00+00:00"], id="an offset with seconds",
        ),
    ],
)  # fmt: skip
def test_the_slots_of_a_line_are_these(line: str, tz: str, after: str, expected: list[str]) -> None:
    assert slots(line, tz, after, len(expected)) == expected


def test_zero_and_seven_are_sunday() -> None:
    found = [slots(f"0 0 * * {sunday}", "UTC", "2026-11-01T12:00+00:00", 2) for sunday in ("0", "7", "sun")]

    assert found == [["2026-11-08T00:00+00:00", "2026-11-15T00:00+00:00"]] * 3


def by_hand(minutes: set[int], hours: set[int], zone: ZoneInfo, begin: datetime, days: int) -> Iterator[datetime]:
    """The slots of a line that names minutes and hours: each local time once, at the end of a gap if skipped."""
    local, seen = begin.astimezone(zone).replace(tzinfo=None, second=0, microsecond=0), set()
    for _ in range(days * 24 * 60):
        local += MINUTE
        if local.minute in minutes and local.hour in hours:
            moment = local
            while moment.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment:
                moment += MINUTE
            instant = moment.replace(tzinfo=zone).astimezone(UTC)
            if instant not in seen and instant > begin:
                seen.add(instant)
                yield instant


@pytest.mark.parametrize(
    ("tz", "begin"),
    [
        ("Europe/Berlin", "2026-03-28T00:00+00:00"),
        ("Europe/Berlin", "2026-10-24T00:00+00:00"),
        ("America/New_York", "2026-03-07T05:00+00:00"),
        ("America/New_York", "2026-10-31T05:00+00:00"),
        ("Australia/Lord_Howe", "2026-10-02T12:00+00:00"),
        ("Australia/Lord_Howe", "2026-04-03T12:00+00:00"),
        ("America/Santiago", "2026-09-05T00:00+00:00"),
        ("America/Santiago", "2026-04-04T00:00+00:00"),
        ("Africa/Casablanca", "2026-02-14T00:00+00:00"),
        ("Africa/Casablanca", "2026-03-21T00:00+00:00"),
    ],
)
def test_days_on_which_the_clocks_change_agree_with_a_calendar_made_by_hand(tz: str, begin: str) -> None:
    chance, zone, start = random.Random(7), ZoneInfo(tz), datetime.fromisoformat(begin)
    for _ in range(12):
        minutes = set(chance.sample(range(60), chance.randint(1, 4)))
        hours = set(chance.sample(range(24), chance.randint(1, 5))) | {chance.randint(0, 3)}
        line = f"{','.join(map(str, sorted(minutes)))} {','.join(map(str, sorted(hours)))} * * *"
        expected = sorted(by_hand(minutes, hours, zone, start, 3))

        schedule = recurrence(line, tz)
        found: list[datetime] = []
        slot = schedule.first_ms(ms(start))
        while len(found) < len(expected):
            found.append(EPOCH + timedelta(milliseconds=slot))
            slot = schedule.next_ms(slot, slot)
        assert found == expected, line


def in_real_time(line: tuple[set[int], set[int], set[int]], zone: ZoneInfo, begin: datetime, days: int) -> list[int]:
    """The slots of a line of minutes, hours and days whose minute begins with ``*``, in milliseconds since 1970."""
    minutes, hours, dates = line
    found = []
    for n in range(1, days * 24 * 60):
        wall = (begin + n * MINUTE).astimezone(zone)
        if wall.minute in minutes and wall.hour in hours and wall.day in dates:
            found.append(ms(begin + n * MINUTE))
    return found


@pytest.mark.parametrize(
    ("tz", "begin"),
    [
        ("Europe/Berlin", "2026-03-28T00:00+00:00"),
        ("Europe/Berlin", "2026-10-24T00:00+00:00"),
        ("Australia/Lord_Howe", "2026-10-02T12:00+00:00"),
        ("Australia/Lord_Howe", "2026-04-03T12:00+00:00"),
        ("America/Santiago", "2026-09-05T00:00+00:00"),
        ("America/Havana", "2026-10-31T00:00+00:00"),
        ("Asia/Beirut", "2026-03-28T00:00+00:00"),
        ("Asia/Beirut", "2026-10-24T00:00+00:00"),
        ("America/St_Johns", "2006-04-01T00:00+00:00"),  # from 00:01 to 01:01
        ("America/St_Johns", "2006-10-28T00:00+00:00"),  # from 00:01 to 23:01 of the day before
        ("Pacific/Apia", "2011-12-29T00:00+00:00"),  # without 30 December
        ("Antarctica/Troll", "2026-03-28T00:00+00:00"),  # by two hours
    ],
)
def test_lines_in_real_time_fire_at_each_instant_whose_wall_time_fits(tz: str, begin: str) -> None:
    chance, zone, start = random.Random(7), ZoneInfo(tz), datetime.fromisoformat(begin)
    two_days = {(start + timedelta(days=n)).astimezone(zone).day for n in (0, 1)}
    for step, dates in ((1, two_days), (7, set(range(1, 32))), (20, two_days), (30, set(range(1, 32)))):
        hours = set(chance.sample(range(24), chance.randint(1, 6))) | {chance.randint(0, 3), 23}
        line = f"*/{step} {','.join(map(str, hours))} {','.join(map(str, dates))} * *"
        expected = in_real_time((set(range(0, 60, step)), hours, dates), zone, start, 3)

        schedule = recurrence(line, tz)
        found = [schedule.first_ms(ms(start))]
        while len(found) < len(expected):
            found.append(schedule.next_ms(found[-1], found[-1]))
        assert found == expected, line


def test_an_interval_keeps_its_phase_and_missed_slots_are_one_firing() -> None:
    schedule = recurrence(timedelta(minutes=10), "UTC")
    begin = at("2026-01-01T00:03:00+00:00")

    first = schedule.first_ms(begin)
    late = schedule.next_ms(first, at("2026-01-01T01:00:00+00:00"))
    back = schedule.next_ms(late, at("2026-01-01T00:00:00+00:00"))

    assert first == at("2026-01-01T00:13:00+00:00")
    assert late == at("2026-01-01T01:03:00+00:00")
    assert back == at("2026-01-01T01:13:00+00:00")


@pytest.mark.parametrize(
    ("schedule", "tz", "expected", "got"),
    [
        ("* * * *", "UTC", "a cron line of five fields", "'* * * *'"),
        ("0 * * * * *", "UTC", "a cron line of five fields", "'0 * * * * *'"),
        ("@daily", "UTC", "a cron line of five fields", "'@daily'"),
        ("0 0 L * *", "UTC", "a cron line of five fields", "day of month 'l' can't be read"),
        ("0 0 15W * *", "UTC", "a cron line of five fields", "day of month '15w' can't be read"),
        ("0 0 * * 5#2", "UTC", "a cron line of five fields", "weekday '5#2' can't be read"),
        ("0 0 * * 5L", "UTC", "a cron line of five fields", "weekday '5l' can't be read"),
        ("61 0 * * *", "UTC", "a cron line of five fields", "Bad minute"),
        ("0 24 * * *", "UTC", "a cron line of five fields", "Bad hour"),
        ("0 0 * foo *", "UTC", "a cron line of five fields", "month 'foo' can't be read"),
        ("*/0 * * * *", "UTC", "a cron line of five fields", "Bad minute"),
        pytest.param(
            "9" * 5000 + " * * * *", "UTC", "a cron line of five fields", f"minute '{'9' * 5000}' can't be read",
            id="a number of 5,000 digits",
        ),
        pytest.param(
            "*/" + "9" * 5000 + " * * * *", "UTC", "a cron line of five fields", f"'*/{'9' * 5000}' can't be read",
            id="a step of 5,000 digits",
        ),
        ("0 0 30 2 *", "UTC", "a cron line", "'0 0 30 2 *'"),
        ("0 0 31 4,6 *", "UTC", "a cron line", "'0 0 31 4,6 *'"),
        ("0 0 * * *", "Europe/Atlantis", "a zone by its IANA name", "'Europe/Atlantis'"),
        ("0 0 * * *", "../etc/passwd", "a zone by its IANA name", "'../etc/passwd'"),
        ("0 0 * * *", None, "a zone by its IANA name", "None (NoneType)"),
        (timedelta(milliseconds=999), "UTC", "an interval from one second to ten years", "999000"),
        (timedelta(days=4000), "UTC", "an interval from one second to ten years", "4000"),
        (timedelta(days=1), "Europe/Paris", "no tz= with an interval", "'Europe/Paris'"),
        (60, "UTC", "a timedelta, or a cron line", "60 (int)"),
    ],
)  # fmt: skip
def test_a_schedule_that_never_fires_is_refused_at_the_call(
    schedule: object, tz: object, expected: str, got: str
) -> None:
    with pytest.raises(ValueMismatchError) as caught:
        recurrence(schedule, tz)

    assert expected in caught.value.expected
    assert got in caught.value.got


def test_a_line_that_is_written_differently_is_the_same_schedule() -> None:
    assert recurrence(" 0  9 * * MON-fri", "UTC") == recurrence("0 9 * * mon-fri", "UTC")
    assert str(recurrence("0 9 * * mon-fri", "Europe/Paris")) == "0 9 * * mon-fri Europe/Paris"
    assert str(Recurrence(3_600_000)) == "every 1:00:00"
