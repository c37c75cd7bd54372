"""The JSON form of values, and the errors for those that do not fit."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import pytest
from google.protobuf.duration_pb2 import Duration

from statefun_actors.address import Address
from statefun_actors.errors import ValueMismatchError
from statefun_actors.types import JSON_TYPENAME, codec_for
from tests.types.shapes import Added, Box, Cart, Colour, Level, Line, Node, Ping, Point, Removed, Rights, Size

SURROGATE = r"expected text that UTF-8 can encode, got '\ud800', which holds a lone surrogate"
CYCLE = Node(1)
CYCLE.children["itself"] = CYCLE


@pytest.mark.parametrize(
    ("annotation", "value", "data"),
    [
        (list[int], [], b"[]"),
        (list[float], [1, -0.0, 1e300], b"[1.0,-0.0,1e300]"),
        (list[bytes], [b"\xff"], b'["/w=="]'),
        (dict[str, int], {"b": 1, "a": 2}, b'{"b":1,"a":2}'),
        (dict[int, str], {10: "x", 9: "y"}, b'{"10":"x","9":"y"}'),
        (dict[Level, bool], {Level.HIGH: True}, b'{"10":true}'),
        (dict[Colour, int | None], {Colour.RED: None}, b'{"red":null}'),
        (tuple[int, str], (1, "x"), b'[1,"x"]'),
        (set[str], {"b", "a"}, b'["a","b"]'),
        (set[int], {10, 9, -1}, b"[-1,9,10]"),
        (frozenset[date], frozenset((date(2020, 1, 2), date(2020, 1, 1))), b'["2020-01-01","2020-01-02"]'),
        (datetime, datetime(2020, 1, 2, 3, 4, 5, 6), b'"2020-01-02T03:04:05.000006"'),  # noqa: DTZ001
        (datetime, datetime(2020, 1, 2, tzinfo=UTC), b'"2020-01-02T00:00:00+00:00"'),
        (timedelta, timedelta(days=-1, microseconds=1), b'"-PT86399.999999S"'),
        (Decimal, Decimal("1.50"), b'"1.50"'),
        (UUID, UUID(int=1), b'"00000000-0000-0000-0000-000000000001"'),
        (Address, Address("a/b/c", "x/y"), b'["a/b/c","x/y"]'),
        (Colour, Colour.RED, b'"red"'),
        (Level, Level.LOW, b"1"),
        (Rights, Rights.READ | Rights.WRITE, b"3"),
        (Literal["a", 1], 1, b"1"),
        (Line, Line("x", 2, Decimal(3)), b'{"count":2,"price":"3","sku":"x"}'),
        (Cart, Cart([], {}, "n"), b'{"_note":"n","by_sku":{},"lines":[]}'),
        (Box[int], Box(1, (2, 3)), b'{"content":1,"more":[2,3]}'),
        (Ping, Ping(), b"{}"),
        (Added | Ping, Ping(), b'{"@type":"shop/ping"}'),
        (list[Added | Ping], [Added("x")], b'[{"@type":"shop/added","count":1,"sku":"x"}]'),
        (list[Added], [Added("x")], b'[{"count":1,"sku":"x"}]'),
        (list[Duration], [Duration(seconds=1)], b'["CAE="]'),
    ],
)
def test_these_bytes_never_change(annotation: Any, value: Any, data: bytes) -> None:
    codec = codec_for(annotation)

    assert codec.encode(value) == data
    assert codec.decode(data) == value


@pytest.mark.parametrize(
    ("annotation", "value", "error"),
    [
        (list[str], ("a",), "expected `list[str]`, got `tuple`"),
        (list[str], ["a", 1], "expected `str`, got `int` - at `$[1]`"),
        (list[str], [Size.SMALL], "expected `str`, got `Size` - at `$[0]`"),
        (
            list[str],
            ["a", "\ud800"],
            r"expected text that UTF-8 can encode, got '\ud800', which holds a lone surrogate - at `$[1]`",
        ),
        (list[int], [1, True], "expected `int`, got `bool` - at `$[1]`"),
        (list[int], [1, 1.0], "expected `int`, got `float` - at `$[1]`"),
        (list[int], [1, 1 << 63], "expected an int of 64 bits, got 9223372036854775808 - at `$[1]`"),
        (list[int], [Level.LOW], "expected `int`, got `Level` - at `$[0]`"),
        (list[float], [0.5, math.nan], "expected a finite `float`, got nan - at `$[1]`"),
        (list[float], [1, math.inf], "expected a finite `float`, got inf - at `$[1]`"),
        (
            list[float],
            [(1 << 53) + 1],
            "expected an int that a float can hold exactly, got 9007199254740993 - at `$[0]`",
        ),
        (list[bool], [True, 1], "expected `bool`, got `int` - at `$[1]`"),
        (list[bytes], ["x"], "expected `bytes`, got `str` - at `$[0]`"),
        (list[str | None], [None, 1], "expected `str`, got `int` - at `$[1]`"),
        (list[list[int]], [[], [1, "x"]], "expected `int`, got `str` - at `$[1][1]`"),
        (tuple[int, ...], [1], "expected `tuple[int, ...]`, got `list`"),
        (tuple[int, str], (1, 2), "expected `str`, got `int` - at `$[1]`"),
        (tuple[int, str], (1,), "expected `tuple[int, str]`, got 1 items"),
        (set[int], frozenset((1,)), "expected `set[int]`, got `frozenset`"),
        (set[int], {1, "a"}, "expected `int`, got `str` - at `$[...]`"),
        (
            set[str],
            {"\ud800"},
            r"expected text that UTF-8 can encode, got '\ud800', which holds a lone surrogate - at `$[0]`",
        ),
        (
            set[tuple[str]],
            {("\ud800",)},
            r"expected text that UTF-8 can encode, got '\ud800', which holds a lone surrogate - at `$[0][0]`",
        ),
        (dict[str, int], {1: 1}, "expected keys that are `str`, got `int`"),
        (dict[str, int], {"a": 1, "b c": "x"}, "expected `int`, got `str` - at `$['b c']`"),
        (
            dict[str, str],
            {"\ud800": "x"},
            SURROGATE.replace("text", "keys that are text", 1),
        ),
        (dict[str, list[int]], {"a": [1, None]}, "expected `int`, got `None` - at `$.a[1]`"),
        (dict[int, int], {True: 1}, "expected keys that are `int`, got `bool`"),
        (dict[int, int], {1 << 63: 1}, "expected keys that are an int of 64 bits, got 9223372036854775808"),
        (dict[date, int], {datetime(2020, 1, 1): 1}, "expected keys that are `date`, got `datetime`"),  # noqa: DTZ001
        (date, datetime(2020, 1, 1), "expected `date`, got `datetime`"),  # noqa: DTZ001
        (Decimal, Decimal("NaN"), "expected a finite `Decimal`, got Decimal('NaN')"),
        (Decimal, Decimal("-Infinity"), "expected a finite `Decimal`, got Decimal('-Infinity')"),
        (Decimal, 1, "expected `Decimal`, got `int`"),
        (Address, ("a/b", "c"), "expected `Address`, got `tuple`"),
        (
            Address,
            Address("a/b", "\ud800"),
            r"expected text that UTF-8 can encode, got '\ud800', which holds a lone surrogate - at `$[1]`",
        ),
        (Colour, "red", "expected `Colour`, got `str`"),
        (Literal["a", 1], True, "expected `Literal['a', 1]`, got True"),
        (Literal["a", 1], ["a"], "expected `Literal['a', 1]`, got ['a']"),
        (Added | Ping, Removed("x"), "expected `Added | Ping`, got `Removed`"),
        (list[Duration], [Ping()], "expected `Duration`, got `Ping` - at `$[0]`"),
        (Node, CYCLE, "expected `Node` nested at most 128 deep, got one nested deeper, or that contains itself"),
        (Point, Point(1.0, "x"), "expected `float`, got `str` - at `$.y`"),  # type: ignore[arg-type]
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_path(annotation: Any, value: Any, error: str) -> None:
    with pytest.raises(ValueMismatchError) as caught:
        codec_for(annotation).encode(value)

    assert str(caught.value) == error


@pytest.mark.parametrize(
    ("annotation", "data", "error"),
    [
        (list[int], b"{}", "expected `list[int]`, got `dict`"),
        (list[int], b"[1.0]", "expected `int`, got `float` - at `$[0]`"),
        (list[int], b"[9223372036854775808]", "expected an int of 64 bits, got 9223372036854775808 - at `$[0]`"),
        (list[bytes], b'["?"]', "expected base64 text, got '?' - at `$[0]`"),
        (tuple[int, str], b"[1]", "expected `tuple[int, str]`, got 1 items"),
        (set[int], b"[1,1]", "expected `set[int]` of distinct items, got a repeated item"),
        (dict[int, int], b'{"01":1}', "expected keys that are an int in plain digits, got '01'"),
        (dict[int, int], b'{"x":1}', "expected keys that are an int in plain digits, got 'x'"),
        (
            dict[int, int],
            b'{"9223372036854775808":1}',
            "expected keys that are an int of 64 bits, got 9223372036854775808",
        ),
        (
            dict[Decimal, int],
            b'{"1":1,"1.0":2}',
            "expected `dict[Decimal, int]` with distinct keys, got a repeated key",
        ),
        (dict[Level, int], b'{"2":1}', "expected keys that are a value of `Level`, got 2"),
        (dict[str, int], b'{"a":null}', "expected `int`, got `None` - at `$.a`"),
        (datetime, b'"yesterday"', "expected `datetime` as text, got 'yesterday'"),
        (datetime, b"5", "expected `datetime` as text, got `int`"),
        (timedelta, b'"P1Y"', "expected `timedelta` as text, got 'P1Y'"),
        (Decimal, b'"NaN"', "expected `Decimal` as text, got 'NaN'"),
        (Decimal, b'"1e9999999999999999999"', "expected `Decimal` as text, got '1e9999999999999999999'"),
        (UUID, b'"1"', "expected `UUID` as text, got '1'"),
        (Address, b'["a","b"]', "expected `Address` as [typename, id], got ['a', 'b']"),
        (Address, b'"a/b/c"', "expected `Address` as [typename, id], got `str`"),
        (Colour, b'"green"', "expected a value of `Colour`, got 'green'"),
        (Level, b"true", "expected a value of `Level`, got `bool`"),
        (Added | Ping, b"{}", "expected one of shop/added, shop/ping, got nothing - at `$['@type']`"),
        (Added | Ping, b'{"@type":["x"]}', "expected one of shop/added, shop/ping, got ['x'] - at `$['@type']`"),
        (Added | Ping, b"[]", "expected `Added | Ping`, got `list`"),
        (list[Duration], b'["gA=="]', "expected the bytes of `Duration`, got malformed google.protobuf.Duration: "),
    ],
)
def test_json_that_does_not_fit_is_refused_with_its_path(annotation: Any, data: bytes, error: str) -> None:
    with pytest.raises(ValueMismatchError) as caught:
        codec_for(annotation).decode(data)

    if error.endswith(": "):
        assert str(caught.value).startswith(error)
    else:
        assert str(caught.value) == error


@pytest.mark.parametrize(
    ("annotation", "value", "path"),
    [
        (dict[str, str], {"a": "x", "b c": "\ud800"}, "$['b c']"),
        (list[Line], [Line("x"), Line("\ud800")], "$[1].sku"),
        (dict[str, list[Line]], {"a": [], "b": [Line("\ud800")]}, "$.b[0].sku"),
        (Added | Ping, Added("\ud800"), "$.sku"),
    ],
)
def test_an_unpaired_surrogate_is_found_at_any_depth(annotation: Any, value: Any, path: str) -> None:
    with pytest.raises(ValueMismatchError) as caught:
        codec_for(annotation).encode(value)

    assert str(caught.value) == f"{SURROGATE} - at `{path}`"


def test_aware_datetimes_of_any_offset_are_read_back_equal() -> None:
    codec = codec_for(datetime)
    for micros in (1, -1, 1_000_001, 86_399_999_999):
        value = datetime(2020, 1, 1, tzinfo=timezone(timedelta(microseconds=micros)))

        read = codec.decode(codec.encode(value))

        assert read == value
        assert read.utcoffset() == value.utcoffset()  # type: ignore[attr-defined]


def test_extreme_values_are_read_back_equal() -> None:
    for value in (datetime.min, datetime.max, date.min, date.max, timedelta.min, timedelta.max):  # noqa: DTZ901
        codec = codec_for(type(value))

        assert codec.decode(codec.encode(value)) == value


def test_values_are_written_up_to_128_levels_deep() -> None:
    node: Node | None = None
    for _ in range(128):
        node = Node(1, node)
    codec = codec_for(Node)

    assert codec.decode(codec.encode(node)) == node
    with pytest.raises(ValueMismatchError):
        codec.encode(Node(1, Node(1, node)))


def test_a_value_read_from_json_shares_nothing_with_it() -> None:
    form: Any = [1, 2]
    values = codec_for(list[int]).from_json(form)
    form.append("x")

    assert values == [1, 2]


def test_the_json_form_is_json_builtins() -> None:
    assert codec_for(set[date]).to_json({date(2020, 1, 1)}) == ["2020-01-01"]
    assert codec_for(Cart).to_json(Cart([Line("x")])) == {
        "lines": [{"sku": "x", "count": 1, "price": None}],
        "by_sku": {},
        "_note": "",
    }


def test_a_json_form_with_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(ValueMismatchError, match="lone surrogate"):
        codec_for(list[str]).from_json(["\ud800"])


def test_only_types_without_parts_are_immutable() -> None:
    immutable = (datetime, date, timedelta, Decimal, UUID, Address, Colour, Level, Literal["a"])
    mutable = (list[int], tuple[int, ...], frozenset[int], dict[str, int], Line, Added, Added | Ping, Duration)

    assert all(codec_for(each).immutable for each in immutable)
    assert not any(codec_for(each).immutable for each in mutable)


def test_every_shape_without_a_name_has_one_typename() -> None:
    for annotation in (list[int], Line, date, Added | Ping, Colour):
        assert codec_for(annotation).typename == JSON_TYPENAME == "statefun-actors/json"
        assert codec_for(annotation).accepts == {JSON_TYPENAME}
        assert codec_for(annotation).lenient == frozenset()


def test_another_typename_is_refused() -> None:
    with pytest.raises(ValueError) as caught:
        codec_for(list[int]).decode(b"[]", "bank/deposit")

    assert str(caught.value) == "`list[int]` is read from statefun-actors/json, got bank/deposit"
