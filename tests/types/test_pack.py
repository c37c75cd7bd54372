"""``pack``: the values that are messages, and the errors for others."""

from __future__ import annotations

import enum
from collections import OrderedDict
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import attrs
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration

from statefun_actors.address import Address
from statefun_actors.errors import NotAMessageError, ValueMismatchError
from statefun_actors.model import KafkaRecord, TypedValue
from statefun_actors.types import any_of, codec_for, message, pack, typed_of_any
from statefun_actors.types.supported import SENDABLE_TYPES
from tests.types.shapes import Added, Colour, Line, Ping, Removed, Size

JSON = "statefun-actors/json"
ONE_TYPE = 'items of one type (for several write a class with a field for each: @message("ns/name"))'


@dataclass
class Data:
    x: int


class Weird(enum.Enum):
    A = object()


@attrs.define
class Unstorable:
    x: list  # type: ignore[type-arg]


@pytest.mark.parametrize(
    ("value", "typename", "data"),
    [
        (TypedValue("a/b", b"x"), "a/b", b"x"),
        (AnyMessage(type_url="a/b", value=b"x"), "a/b", b"x"),
        (Duration(seconds=1), "type.googleapis.com/google.protobuf.Duration", b"\x08\x01"),
        (Added("x"), "shop/added", b'{"count":1,"sku":"x"}'),
        (True, "io.statefun.types/bool", b"\x08\x01"),
        (1, "io.statefun.types/long", b"\x09\x01\0\0\0\0\0\0\0"),
        (0.5, "io.statefun.types/double", b"\x09\0\0\0\0\0\0\xe0\x3f"),
        ("x", "io.statefun.types/string", b"\x0a\x01x"),
        (b"x", "statefun-actors/bytes", b"x"),
        (date(2020, 1, 1), JSON, b'"2020-01-01"'),
        (Address("a/b", "c"), JSON, b'["a/b","c"]'),
        (Colour.RED, JSON, b'"red"'),
        (Size.SMALL, JSON, b'"s"'),
        ([], JSON, b"[]"),
        ([1, 2.5], JSON, b"[1.0,2.5]"),
        ([None, 1], JSON, b"[null,1]"),
        ([[], [None], [1]], JSON, b"[[],[null],[1]]"),
        ({"b": (1, "x"), "a": (2, "y")}, JSON, b'{"b":[1,"x"],"a":[2,"y"]}'),
        ([(1,), (1, 2), ()], JSON, b"[[1],[1,2],[]]"),
        ([(1, None), (None, 2)], JSON, b"[[1,null],[null,2]]"),
        ({1: {}, 2: {"a": {date(2020, 1, 1)}}}, JSON, b'{"1":{},"2":{"a":["2020-01-01"]}}'),
        ({"b", "a"}, JSON, b'["a","b"]'),
        ([Duration(seconds=1)], JSON, b'["CAE="]'),
        ([Line("x")], JSON, b'[{"count":1,"price":null,"sku":"x"}]'),
        ([Ping()], JSON, b'[{"@type":"shop/ping"}]'),
        ([[Ping()], [Added("x")]], JSON, b'[[{"@type":"shop/ping"}],[{"@type":"shop/added","count":1,"sku":"x"}]]'),
    ],
)
def test_values_that_can_be_sent(value: Any, typename: str, data: bytes) -> None:
    assert pack(value) == TypedValue(typename, data)
    assert pack(value) == TypedValue(typename, data)


def test_named_items_of_a_list_are_read_as_one_type_and_as_a_union() -> None:
    typed = pack([Added("x"), Added("y")])

    assert codec_for(list[Added]).decode(typed.value) == [Added("x"), Added("y")]
    assert codec_for(list[Added | Removed]).decode(typed.value) == [Added("x"), Added("y")]


SEND = f"Send {SENDABLE_TYPES}."


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (
            None,
            "`None` is not a message. Send a value, such as an empty @message class.",
        ),
        (Added, "the class `Added` is not a message. Send an instance: `Added(...)`."),
        (
            KafkaRecord("topic", b""),
            "a value of class `KafkaRecord` is not a message. "
            "A record is sent to an egress: `send_egress('<namespace>/<name>', record)`.",
        ),
        (
            Line("x"),
            'a value of class `Line` is not a message. Write @message("ns/name") above `class Line`.',
        ),
        (
            len,
            "a value of class `builtin_function_or_method` is not a message. "
            "Send its arguments, and call it in the handler that receives them.",
        ),
        (
            OrderedDict(a=1),
            "a value of class `OrderedDict` is not a message. It would arrive as a plain dict: send `dict(...)` of it.",
        ),
        (bytearray(b"x"), f"a value of class `bytearray` is not a message. {SEND}"),
        (object(), f"a value of class `object` is not a message. {SEND}"),
        (Weird.A, f"a value of class `Weird` is not a message. {SEND}"),
        (
            {1.5: "x"},
            "a value of class `dict` is not a message. `float` can't be the key of a dict.",
        ),
        (
            [Unstorable([])],
            "a value of class `list` is not a message. "
            "Unstorable.x: `list` does not say what it holds: write for example `list[str]`.",
        ),
    ],
)
def test_values_that_can_not_be_sent(value: Any, error: str) -> None:
    with pytest.raises(NotAMessageError) as caught:
        pack(value)

    assert str(caught.value) == error


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (1 << 63, "expected an int of 64 bits, got 9223372036854775808"),
        ("\ud800", r"expected text that UTF-8 can encode, got '\ud800', which holds a lone surrogate"),
        (AnyMessage(), "expected an Any with a type_url, got one without"),
        ([1, "x"], f"expected {ONE_TYPE}, got `str` after others - at `$[1]`"),
        ([1, True], f"expected {ONE_TYPE}, got `bool` after others - at `$[1]`"),
        ([[1], {"a": 1}], f"expected {ONE_TYPE}, got `dict` after others - at `$[1]`"),
        ([(1,), ("x", 2)], f"expected {ONE_TYPE}, got `tuple` after others - at `$[1]`"),
        ([Line("x"), Added("x")], f"expected {ONE_TYPE}, got `Added` after others - at `$[1]`"),
        ({"a": {"b": [1, 1 << 63]}}, "expected an int of 64 bits, got 9223372036854775808 - at `$.a.b[1]`"),
        ({"a": float("nan")}, "expected a finite `float`, got nan - at `$.a`"),
        ({"a b": [0, object()]}, "expected a value that can be stored, got `object` - at `$['a b'][1]`"),
        ({1: object()}, "expected a value that can be stored, got `object` - at `$[1]`"),
        ({(0, object()): 1}, "expected keys that are a value that can be stored, got `object`"),
        ({1: 1, "a": 1}, "expected keys of one type, got `str` after others"),
        ({"x", 1.5}, f"expected {ONE_TYPE}, got "),
        (({1},), ""),
        (
            [Data(1)],
            'expected a value that can be stored, got `Data` (write @message("ns/name") above `class Data`, '
            "and remove @dataclass) - at `$[0]`",
        ),
        ([bytearray()], "expected a value that can be stored, got `bytearray` - at `$[0]`"),
        (Added(5), "expected `str`, got `int` - at `$.sku`"),  # type: ignore[arg-type]
        ([Added("x", True)], "expected `int`, got `bool` - at `$[0].count`"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_path(value: Any, error: str) -> None:
    if not error:
        pack(value)
        return
    with pytest.raises(ValueMismatchError) as caught:
        pack(value)

    assert str(caught.value) == error or (error.endswith("got ") and str(caught.value).startswith(error))


def test_a_value_that_contains_itself_is_refused() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)

    with pytest.raises(ValueMismatchError) as caught:
        pack(cycle)

    assert (
        str(caught.value)
        == "expected a value of limited depth, got a `list` that is nested too deeply, or contains itself"
    )


def test_a_class_named_after_its_first_refusal_can_be_sent() -> None:
    @attrs.define
    class Late:
        x: int

    with pytest.raises(NotAMessageError):
        pack(Late(1))
    message("local/late")(Late)

    assert pack(Late(1)) == TypedValue("local/late", b'{"x":1}')


def test_a_message_whose_field_names_no_class_is_refused() -> None:
    @message("local/lost")
    class Lost:
        thing: Nothing  # type: ignore[name-defined] # noqa: F821

    with pytest.raises(NotAMessageError) as caught:
        pack(Lost(1))

    assert str(caught.value) == (
        "a value of class `Lost` is not a message. Lost.thing: name 'Nothing' is not defined: "
        "define it at the top level of tests.types.test_pack, outside `if TYPE_CHECKING:`."
    )


def test_a_value_whose_repr_fails_is_shown_by_its_class() -> None:
    class Shy(str):
        __slots__ = ()

        def __repr__(self) -> str:
            raise RuntimeError

    with pytest.raises(ValueMismatchError) as caught:
        codec_for(Literal["a"]).encode(Shy("b"))

    assert str(caught.value) == "expected `Literal['a']`, got `Shy`"


def test_an_any_is_packed_as_its_typed_value() -> None:
    typed = TypedValue("io.statefun.types/int", b"\x0d\x01\x00\x00\x00")

    message = any_of(typed)

    assert (message.type_url, message.value) == (typed.typename, typed.value)
    assert typed_of_any(any_of(typed)) == typed


def test_an_address_of_a_subclass_is_sent_and_stored_as_a_plain_address() -> None:
    class Known(Address):
        __slots__ = ()

    known = tuple.__new__(Known, ("bank/account", "ada"))

    assert pack(known) == pack(Address("bank/account", "ada"))
    assert pack([known]) == pack([Address("bank/account", "ada")])
    assert codec_for(Address).encode(known) == codec_for(Address).encode(Address("bank/account", "ada"))
