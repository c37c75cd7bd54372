"""The headers of a record in the request that sends it."""

from __future__ import annotations

import pytest

from statefun_actors.connectors.http.record_headers import sendable


def test_no_headers_are_none() -> None:
    assert sendable(None) == {}


def test_names_are_in_lower_case() -> None:
    assert sendable({"TraceParent": "00-1-2-01", "b3": "1-2"}) == {"traceparent": "00-1-2-01", "b3": "1-2"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("", "v"), ("a b", "v"), ("a:b", "v"), ("é", "v"), ("a\r\nb", "v")],
        *[("a", ""), ("a", " v"), ("a", "v\r\nb: c"), ("a", "é"), ("a", "v\0")],
        *[("Host", "elsewhere"), ("content-length", "0"), ("transfer-encoding", "chunked"), ("connection", "close")],
    ],
)
def test_a_header_that_a_request_cannot_have_is_left_out(name: str, value: str) -> None:
    assert sendable({name: value, "traceparent": "kept"}) == {"traceparent": "kept"}
