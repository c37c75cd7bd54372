"""The time after which an endpoint wants to be called again, and the errors of its responses."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from statefun_actors.connectors.http import Delivered, RecordRefused, TryAgain, meaning
from statefun_actors.connectors.http.verdicts import retry_after

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0),
        ("7", 7),
        ("0", 0),
        ("-5", 0),
        ("100000", 3600),
        ("Thu, 01 Jan 2026 12:01:30 GMT", 90),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0),
        ("soon", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_at_most_an_hour(value: str | None, seconds: float) -> None:
    assert retry_after(value, NOW) == seconds


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_success_is_a_delivery(status: int) -> None:
    assert meaning(status, {}, b"", NOW) == Delivered()


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (422, {}, b" no\n such  user ", RecordRefused(422, "422 Unprocessable Entity: no such user")),
        (400, {}, b"<html>", RecordRefused(400, "400 Bad Request")),
        (599, {}, b"", TryAgain("599", whole=False)),
        (502, {}, b"", TryAgain("502 Bad Gateway", whole=True)),
        (403, {}, b"", TryAgain("403 Forbidden", whole=True)),
        (429, {"retry-after": "2"}, b"", TryAgain("429 Too Many Requests", whole=True, after=2)),
        (301, {"location": "/new"}, b"", TryAgain("301 Moved Permanently; it points to /new", whole=True)),
        (400, {}, b"x" * 300, RecordRefused(400, f"400 Bad Request: {'x' * 200}…")),
        (400, {}, b"\xff", RecordRefused(400, "400 Bad Request: \ufffd")),
    ],
)
def test_other_answers_and_their_meaning(status: int, headers: dict[str, str], body: bytes, expected: object) -> None:
    assert meaning(status, headers, body, NOW) == expected
