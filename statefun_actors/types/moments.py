"""Datetimes as text: RFC 3339 in messages, and RFC 9557, which keeps the zone, in state.

``2026-03-28T09:00:00+01:00`` and ``2026-03-28T09:00:00+01:00[Europe/Berlin]``. Both forms are read everywhere. State
also has tags of its own, as RFC 9557 permits: ``[_name=CET]`` is the name of a fixed offset, ``[_fold=1]`` a fold that
does not follow from the offset.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Final
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from statefun_actors.types.mismatch import Mismatch, kind, shown, text_mismatch

_ADVICE: Final = 'write ZoneInfo("Europe/Berlin"), or convert it with `moment.astimezone(UTC)`'


def write_in_message(value: datetime) -> str:
    """*value* with its offset only.

    Raises:
        Mismatch: its tzinfo is neither a fixed offset nor an IANA zone. A class that equals ``timezone`` is fixed.
    """
    zone = value.tzinfo
    if zone is not None and zone.__class__ is not timezone and not _is_fixed(zone, value):
        _check(zone, value)
    return value.isoformat()


def write_in_state(value: datetime) -> str:
    """*value* with its zone.

    Raises:
        Mismatch: its tzinfo is neither a ``timezone`` nor a ``ZoneInfo``; it would be read back as another class.
    """
    zone = value.tzinfo
    text = value.isoformat() if zone is None or zone.__class__ is timezone else _with_zone(value, zone)
    if zone.__class__ is timezone and zone is not UTC:
        text += _named(zone)
    if value.fold and (zone is None or value.replace(fold=0).utcoffset() == value.utcoffset()):
        text += "[_fold=1]"
    return text


def read(text: str) -> datetime:
    """Parse a datetime in either form.

    If tzdata now gives the zone another offset than the text has, the instant is kept.

    Raises:
        ArithmeticError, ValueError: *text* is not a datetime.
        Mismatch: it names a zone that this machine does not know.
    """
    if not text.endswith("]"):
        return _plain(text)
    plain, _, tags = text[:-1].partition("[")
    value, zone, name, fold = _plain(plain), "", None, None
    for tag in tags.split("]["):
        key, assigned, content = tag.removeprefix("!").partition("=")
        if not key:
            raise ValueError("an empty tag")
        if not assigned:
            zone = key
        elif key == "_name":
            name = unquote(content)
        elif key == "_fold":
            fold = int(content)
        elif tag.startswith("!"):
            raise ValueError(f"unknown tag {tag}")
    if name is not None:
        value = value.replace(tzinfo=timezone(value.utcoffset() or timedelta(), name))
    if zone and zone[0] not in "+-":  # an offset in brackets repeats the first
        value = _in_zone(value, _zone(zone))
    return value if fold is None else value.replace(fold=fold)


def _is_fixed(zone: tzinfo, value: datetime) -> bool:
    """Whether *zone* says that it equals a fixed offset, as pydantic's own class does."""
    offset = value.utcoffset()
    return offset is not None and zone == timezone(offset)


def _check(zone: tzinfo, value: datetime) -> str:
    """The key of *zone*, from which it can be restored."""
    key = zone.key if isinstance(zone, ZoneInfo) and type(zone) is ZoneInfo else None
    if not key:
        raise Mismatch(
            f"a `datetime` with a fixed offset or an IANA zone ({_ADVICE})", f"a tzinfo of class {kind(zone)}"
        )
    known = _zone(key)
    if known is not zone and value.replace(tzinfo=known).utcoffset() != value.utcoffset():
        raise Mismatch(f"a `datetime` with an IANA zone ({_ADVICE})", f"a different zone named {shown(key)}")
    return key


def _with_zone(value: datetime, zone: tzinfo) -> str:
    return f"{value.isoformat()}[{_check(zone, value)}]"


def _named(zone: Any) -> str:
    _, *names = zone.__getinitargs__()
    if not names:
        return ""
    try:
        return f"[_name={quote(names[0], safe='')}]"
    except UnicodeEncodeError:
        raise text_mismatch(names[0]) from None


def _zone(key: str) -> ZoneInfo:
    try:
        return ZoneInfo(key)
    except (KeyError, OSError, ValueError):
        raise Mismatch(
            "a `datetime` in a zone that this machine knows (`pip install tzdata` installs all)", shown(key)
        ) from None


def _in_zone(value: datetime, zone: ZoneInfo) -> datetime:
    """*value* in *zone*; the offset determines the fold."""
    offset = value.utcoffset()
    for fold in (0, 1):
        local = value.replace(tzinfo=zone, fold=fold)
        if offset is None or local.utcoffset() == offset:
            return local
    return value.astimezone(zone)


def _plain(text: str) -> datetime:
    value = datetime.fromisoformat(text)
    if len(text) > 26 and text[-15:-6] == "00:00:00." and text[-16] in "+-":
        # fromisoformat takes an offset of less than a second for UTC.
        offset = timedelta(microseconds=int(text[-6:]))
        return value.replace(tzinfo=timezone(offset if text[-16] == "+" else -offset))
    return value
