"""Classifies the responses to a POST: whether its record is delivered, refused or retried.

| response                                | the record is                                                        |
|-----------------------------------------|----------------------------------------------------------------------|
| 2xx                                     | delivered                                                            |
| 400 413 414 415 422 431                 | refused: this record is invalid, and no retry helps                  |
| 408 409 425, 500 and 5xx not below      | retried, while other records of its key wait                         |
| 429 502 503 504, no connection          | retried, while all other records wait                                |
| 3xx, 401 403 404 405 410 and other 4xx  | the same: the target is wrong, not the record                        |

A receiver that has moved, or whose credentials have changed, answers 404 or 401 to every record: they are kept until
that is fixed, never dropped. 409 means that the first attempt is still in progress there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, TypeAlias

import attrs

from statefun_actors.connectors.http.shown_url import shown_url

_REFUSING: Final = frozenset({400, 413, 414, 415, 422, 431})
_OF_THIS_RECORD: Final = frozenset({408, 409, 425})
_OF_THE_ENDPOINT: Final = frozenset({502, 503, 504})
_LONGEST_RETRY_AFTER: Final = 3600.0
_LONGEST_SHOWN: Final = 200


@attrs.frozen
class Delivered:
    """The record is delivered."""


@attrs.frozen
class RecordRefused:
    """It will never be accepted."""

    status: int
    reason: str


@attrs.frozen
class TryAgain:
    """The attempt failed; a retry may succeed.

    Args:
        reason: a short text.
        whole: whether any other record would have failed, too.
        after: the minimum seconds before the next attempt, from the receiver.
    """

    reason: str
    whole: bool
    after: float = 0.0


Answer: TypeAlias = Delivered | RecordRefused | TryAgain


def meaning(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Answer:
    """Classify a response. *headers* ignores the case of names; *now* is aware."""
    if 200 <= status < 300:
        return Delivered()
    reason = _reason(status, body)
    if status in _REFUSING:
        return RecordRefused(status, reason)
    after = retry_after(headers.get("retry-after"), now)
    if status in _OF_THIS_RECORD or (status >= 500 and status not in _OF_THE_ENDPOINT):
        return TryAgain(reason, whole=False, after=after)
    if 300 <= status < 400:
        location = headers.get("location")
        pointed = "nowhere" if location is None else shown_url(location)  # often the URL of the request, with its query
        return TryAgain(f"{reason}; it points to {pointed}", whole=True, after=after)
    return TryAgain(reason, whole=True, after=after)


def retry_after(value: str | None, now: datetime) -> float:
    """The seconds of a ``Retry-After`` (a number, or a date), at most an hour; 0 without a valid one."""
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
