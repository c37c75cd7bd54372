"""Keys that come twice in one object of JSON are found, wherever they are and however they are written."""

from __future__ import annotations

import msgspec
import pytest

from statefun_actors.ingress import RepeatedKeyError, check_once


@pytest.mark.parametrize(
    "text",
    [
        b"5",
        b'"a:b"',
        b'{"a": 1, "b": {"a": ":"}}',
        b'[{"a": 1}, {"a": 2}]',
        b'{"a": "\\u003a", "b\\u003a": 1}',
        b'{"a": 12345678901234567890123456}',
        b'{"a":' * 900 + b"1" + b"}" * 900,
    ],
)
def test_keys_that_come_once_are_fine(text: bytes) -> None:
    check_once(msgspec.json.decode(text), text)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (b'{"a": 1, "a": 1}', '"a"'),
        (b'[0, {"a": {"b": 1, "c": 2, "b": 3}}]', '"b"'),
        (b'{"\\u0061": 1, "a": 2}', '"a"'),
        (b'{"a": ":", "a": "x"}', '"a"'),
        (b'{"b": "\\u003a", "a": 1, "a": 1}', '"a"'),
        (b'{"a:": 1, "a\\u003a": 1}', '"a:"'),
        (b'{"%s": 1, "%s": 1}' % (b"k" * 100, b"k" * 100), f'"{"k" * 79}…'),
    ],
)
def test_one_that_comes_twice_is_named(text: bytes, key: str) -> None:
    with pytest.raises(RepeatedKeyError) as raised:
        check_once(msgspec.json.decode(text), text)

    assert str(raised.value) == f"expected each key once, got {key} twice in one object"
