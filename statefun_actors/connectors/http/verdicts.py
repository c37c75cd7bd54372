"""What the answer to a POST means for its record, and for those that come after it.

| answer                                  | the record is                                                        |
|-----------------------------------------|----------------------------------------------------------------------|
| 2xx                                     | through                                                              |
| 400 413 414 415 422 431                 | refused: about this record, and no repetition changes it             |
| 408 409 425, 500 and 5xx not below      | tried again, with what has the same key waiting                      |
| 429 502 503 504, no connection          | tried again, and nothing else is sent meanwhile                      |
| 3xx, 401 403 404 405 410 and other 4xx  | the same: what is wrong is the target, not the record                |

A receiver that has been moved, or lost its credentials, answers 404 or 401 to every record: they are kept until that is
put right, never thrown away. 409 says that the first attempt is still under way there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, TypeAlias

import attrs

_REFUSING: Final = frozenset({400, 413, 414, 415, 422, 431})
_OF_THIS_RECORD: Final = frozenset({408, 409, 425})
_OF_THE_ENDPOINT: Final = frozenset({502, 503, 504})
_LONGEST_RETRY_AFTER: Final = 3600.0
_LONGEST_SHOWN: Final = 200


@attrs.frozen
class Delivered:
    """The record is through."""


@attrs.frozen
class RecordRefused:
    """It will never be accepted."""

    status: int
    reason: str


@attrs.frozen
class TryAgain:
    """It did not get through this time.

    Args:
        reason: in a few words.
        whole: whether any other record would have fared the same.
        after: seconds that the other side asks to be left alone for, at least.
    """

    reason: str
    whole: bool
    after: float = 0.0


Answer: TypeAlias = Delivered | RecordRefused | TryAgain


def meaning(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Answer:
    """What an answer means. *headers* are found whatever their case; *now* is aware."""
    if 200 <= status < 300:
        return Delivered()
    reason = _reason(status, body)
    if status in _REFUSING:
        return RecordRefused(status, reason)
    after = retry_after(headers.get("retry-after"), now)
    if status in _OF_THIS_RECORD or (status >= 500 and status not in _OF_THE_ENDPOINT):
        return TryAgain(reason, whole=False, after=after)
    if 300 <= status < 400:
        return TryAgain(f"{reason}; it points to {headers.get('location', 'nowhere')}", whole=True, after=after)
    return TryAgain(reason, whole=True, after=after)


def retry_after(value: str | None, now: datetime) -> float:
    """The seconds that a ``Retry-After`` asks for (a number, or a date), at most an hour; 0 where it says nothing."""
    if value is None:
        return 0.0
    try:
        seconds = float(int(value))
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return 0.0
        seconds = (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()
    return min(max(0.0, seconds), _LONGEST_RETRY_AFTER)


def _reason(status: int, body: bytes) -> str:
    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = str(status)
    said = " ".join(body[: 4 * _LONGEST_SHOWN].decode(errors="replace").split())
    if not said or said.startswith("<"):  # a page for people
        return phrase
    return f"{phrase}: {said if len(said) <= _LONGEST_SHOWN else said[:_LONGEST_SHOWN] + '…'}"
