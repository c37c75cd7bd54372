"""Datetimes: state keeps their zone, messages their offset; others are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, TypeAdapter

from statefun_actors.errors import ValueMismatchError
from statefun_actors.types import codec_for, message, pack

BERLIN = ZoneInfo("Europe/Berlin")
WINTER = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN)
"""The second 02:30 of the night in which the clocks go back."""
STATE = codec_for(datetime, state=True)
MESSAGE = codec_for(datetime)


@attrs.frozen
class Alarm:
    due: datetime
    others: tuple[datetime, ...] = ()


@message("moments/alarm")
class Set:
    alarm: Alarm | None
    by_day: dict[datetime, int]


@message("moments/off")
class Off:
    pass


class Custom(tzinfo):
    def utcoffset(self, _: datetime | None) -> timedelta:
        return timedelta(hours=1)

    def tzname(self, _: datetime | None) -> str:
        return "here"

    def dst(self, _: datetime | None) -> None:
        return None


@pytest.mark.parametrize(
    ("value", "in_state", "in_messages"),
    [
        (
            datetime(2026, 3, 28, 9, tzinfo=BERLIN),
            "2026-03-28T09:00:00+01:00[Europe/Berlin]",
            "2026-03-28T09:00:00+01:00",
        ),
        (WINTER, "2026-10-25T02:30:00+01:00[Europe/Berlin]", "2026-10-25T02:30:00+01:00"),
        (WINTER.replace(fold=0), "2026-10-25T02:30:00+02:00[Europe/Berlin]", "2026-10-25T02:30:00+02:00"),
        (
            datetime(2026, 3, 29, 2, 30, tzinfo=BERLIN),  # a time that the clocks skip
            "2026-03-29T02:30:00+01:00[Europe/Berlin]",
            "2026-03-29T02:30:00+01:00",
        ),
        (
            datetime(2026, 3, 29, 2, 30, fold=1, tzinfo=BERLIN),
            "2026-03-29T02:30:00+02:00[Europe/Berlin]",
            "2026-03-29T02:30:00+02:00",
        ),
        (
            datetime(2026, 7, 1, 9, fold=1, tzinfo=BERLIN),
            "2026-07-01T09:00:00+02:00[Europe/Berlin][_fold=1]",
            "2026-07-01T09:00:00+02:00",
        ),
        (datetime(2026, 7, 1, tzinfo=ZoneInfo("UTC")), "2026-07-01T00:00:00+00:00[UTC]", "2026-07-01T00:00:00+00:00"),
        (datetime(2026, 7, 1, tzinfo=UTC), "2026-07-01T00:00:00+00:00", "2026-07-01T00:00:00+00:00"),
        (
            datetime(2026, 7, 1, tzinfo=timezone(timedelta(hours=2), "Paris [été]")),
            "2026-07-01T00:00:00+02:00[_name=Paris%20%5B%C3%A9t%C3%A9%5D]",
            "2026-07-01T00:00:00+02:00",
        ),
        (
            datetime(1850, 1, 1, tzinfo=BERLIN),
            "1850-01-01T00:00:00+00:53:28[Europe/Berlin]",
            "1850-01-01T00:00:00+00:53:28",
        ),
        (datetime(2026, 7, 1), "2026-07-01T00:00:00", "2026-07-01T00:00:00"),  # noqa: DTZ001
        (datetime(2026, 7, 1, fold=1), "2026-07-01T00:00:00[_fold=1]", "2026-07-01T00:00:00"),  # noqa: DTZ001
    ],
)
def test_state_keeps_the_zone_and_a_message_the_offset(value: datetime, in_state: str, in_messages: str) -> None:
    assert STATE.encode(value) == f'"{in_state}"'.encode()
    assert repr(STATE.decode(STATE.encode(value))) == repr(value)
    assert repr(MESSAGE.decode(STATE.encode(value))) == repr(value)

    assert MESSAGE.encode(value) == pack(value).value == f'"{in_messages}"'.encode()
    assert STATE.decode(MESSAGE.encode(value)) == datetime.fromisoformat(in_messages)


zones = st.sampled_from(["Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"])
names = st.text(st.characters(codec="utf-8"), max_size=5)
offsets = st.timedeltas(timedelta(hours=-23), timedelta(hours=23))
moments = st.datetimes(
    timezones=st.one_of(
        st.none(), st.just(UTC), zones.map(ZoneInfo), st.builds(timezone, offsets), st.builds(timezone, offsets, names)
    ),
    allow_imaginary=True,
)


@given(moments, st.integers(0, 1))
def test_any_datetime_in_state_is_read_back_with_the_same_repr(value: datetime, fold: int) -> None:
    value = value.replace(fold=fold)

    assert repr(STATE.decode(STATE.encode(value))) == repr(value)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (list[datetime], [WINTER]),
        (dict[datetime, datetime], {WINTER: WINTER}),
        (tuple[datetime, int], (WINTER, 1)),
        (frozenset[datetime], frozenset((WINTER,))),
        (Alarm, Alarm(WINTER, (WINTER,))),
        (Set, Set(Alarm(WINTER), {WINTER: 1})),
        (Set | Off, Set(None, {WINTER: 1})),
        (list[Alarm | None], [None, Alarm(WINTER)]),
    ],
)
def test_zones_are_kept_at_any_depth_of_a_state(annotation: Any, value: object) -> None:
    codec = codec_for(annotation, state=True)

    assert repr(codec.decode(codec.encode(value))) == repr(value)
    assert codec.in_messages is codec_for(annotation)
    assert b"Europe" not in codec_for(annotation).encode(value)


def test_only_types_with_a_datetime_have_a_codec_of_their_own_for_state() -> None:
    for annotation in (int, list[str], Off, dict[str, Off | None]):
        assert codec_for(annotation, state=True) is codec_for(annotation)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-03-28T09:00+01:00[Europe/Berlin]", datetime(2026, 3, 28, 9, tzinfo=BERLIN)),  # as Java writes it
        ("2026-03-28T09:00:00+01:00[!Europe/Berlin][u-ca=gregory]", datetime(2026, 3, 28, 9, tzinfo=BERLIN)),
        ("2026-03-28T09:00:00+01:00[+01:00]", datetime(2026, 3, 28, 9, tzinfo=timezone(timedelta(hours=1)))),
        ("2026-03-28T08:00:00Z[Europe/Berlin]", datetime(2026, 3, 28, 9, tzinfo=BERLIN)),
        ("2026-03-28T09:00:00[Europe/Berlin]", datetime(2026, 3, 28, 9, tzinfo=BERLIN)),
        # Written when tzdata had another offset for that day: the instant is kept.
        ("2026-03-28T09:00:00+03:00[Europe/Berlin]", datetime(2026, 3, 28, 7, tzinfo=BERLIN)),
    ],
)
def test_datetimes_in_other_forms_are_read(text: str, value: datetime) -> None:
    assert repr(STATE.decode(f'"{text}"'.encode())) == repr(value)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "2026-03-28T09:00:00+01:00[Mars/Olympus]",
            "expected a `datetime` in a zone that this machine knows (`pip install tzdata` installs all), "
            "got 'Mars/Olympus'",
        ),
        (
            "2026-03-28T09:00:00+01:00[../../etc/passwd]",
            "expected a `datetime` in a zone that this machine knows (`pip install tzdata` installs all), "
            "got '../../etc/passwd'",
        ),
        (
            "2026-03-28T09:00:00+01:00[!u-ca=hebrew]",
            "expected `datetime` as text, got '2026-03-28T09:00:00+01:00[!u-ca=hebrew]'",
        ),
        ("2026-03-28T09:00:00[_fold=2]", "expected `datetime` as text, got '2026-03-28T09:00:00[_fold=2]'"),
        ("2026-03-28T09:00:00+01:00[]", "expected `datetime` as text, got '2026-03-28T09:00:00+01:00[]'"),
    ],
)
def test_an_invalid_datetime_is_refused_on_reading(text: str, error: str) -> None:
    with pytest.raises(ValueMismatchError) as caught:
        STATE.decode(f'"{text}"'.encode())

    assert str(caught.value) == error


@pytest.mark.parametrize("codec", [STATE, MESSAGE], ids=["state", "message"])
def test_a_tzinfo_that_could_not_be_read_back_is_refused_with_advice(codec: Any) -> None:
    advice = 'write ZoneInfo("Europe/Berlin"), or convert it with `moment.astimezone(UTC)`'
    with pytest.raises(ValueMismatchError) as caught:
        codec.encode(datetime(2026, 1, 1, tzinfo=Custom()))

    assert str(caught.value) == (
        f"expected a `datetime` with a fixed offset or an IANA zone ({advice}), got a tzinfo of class `Custom`"
    )


def test_an_aware_datetime_that_pydantic_has_parsed_can_be_sent() -> None:
    parsed = TypeAdapter(AwareDatetime).validate_json('"2026-11-29T10:00:00+01:00"')

    assert type(parsed.tzinfo).__name__ == "TzInfo"
    assert MESSAGE.encode(parsed) == b'"2026-11-29T10:00:00+01:00"'
    # State would give another class back than the one that the handler had assigned.
    with pytest.raises(ValueMismatchError, match="got a tzinfo of class `TzInfo`"):
        STATE.encode(parsed)


def test_keys_that_would_be_read_back_as_equal_are_refused() -> None:
    # Python takes a time that comes twice in its zone for different from the same instant in any other one.
    utc = WINTER.astimezone(UTC)
    assert len({WINTER, utc}) == 2

    assert STATE.encode(WINTER) != STATE.encode(utc)
    for annotation, value in ((dict[datetime, int], {WINTER: 1, utc: 2}), (set[datetime], {WINTER, utc})):
        codec = codec_for(annotation, state=True)
        assert codec.decode(codec.encode(value)) == value

    with pytest.raises(ValueMismatchError) as caught:
        codec_for(dict[datetime, int]).encode({WINTER: 1, utc: 2})
    assert str(caught.value) == (
        "expected `dict[datetime, int]` with keys that differ when they are read back, "
        "got '2026-10-25T02:30:00+01:00' and '2026-10-25T01:30:00+00:00', which are equal"
    )
    with pytest.raises(ValueMismatchError) as caught:
        codec_for(set[tuple[datetime, ...]]).encode({(WINTER,), (utc,)})
    assert "`set[tuple[datetime, ...]]` with items that differ when they are read back" in str(caught.value)
