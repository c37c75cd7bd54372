"""``message(strict=True)``: unknown keys are refused."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from google.protobuf.duration_pb2 import Duration

from statefun_actors.errors import DefinitionError, ValueMismatchError
from statefun_actors.types import codec_for, message, pack
from tests.types.deposit import Deposit


@message("strict/line", strict=True)
class Line:
    sku: str
    count: int = 1


@message("strict/order", strict=True)
class Order:
    lines: list[Line]
    either: Line | Deposit | None = None


@message("strict/empty", strict=True)
class Empty:
    pass


@message("strict/around")
class Around:
    line: Line | None = None


@pytest.mark.parametrize(
    ("cls", "data", "error"),
    [
        (Line, b'{"sku":"x","cuont":2}', "expected `Line` with no keys but 'sku', 'count', got 'cuont'"),
        (Line, b'{"a":1,"b":2}', "expected `Line` with no keys but 'sku', 'count', got 'a', 'b'"),
        (Line, b'{"@type":"bank/deposit","sku":"x"}', "expected `Line` with no keys but 'sku', 'count', got '@type'"),
        (Empty, b'{"x":1}', "expected `Empty` with no keys, got 'x'"),
        (
            Order,
            b'{"lines":[{"sku":"x"},{"sku":"y","n":1}]}',
            "expected `Line` with no keys but 'sku', 'count', got 'n' - at `$.lines[1]`",
        ),
        (
            Order,
            b'{"lines":[],"either":{"@type":"strict/line","sku":"x","n":1}}',
            "expected `Line` with no keys but 'sku', 'count', got 'n' - at `$.either`",
        ),
        (
            Around,
            b'{"new":1,"line":{"sku":"x","n":1}}',
            "expected `Line` with no keys but 'sku', 'count', got 'n' - at `$.line`",
        ),
    ],
)
def test_a_strict_class_refuses_unknown_keys(cls: object, data: bytes, error: str) -> None:
    codec = codec_for(cls)

    with pytest.raises(ValueMismatchError) as on_the_wire:
        codec.decode(data)
    with pytest.raises(ValueMismatchError) as as_json:
        codec.bytes_from_json(msgspec.json.decode(data))

    assert str(on_the_wire.value) == str(as_json.value) == error


def test_a_strict_class_accepts_its_own_keys_and_the_type_key_of_a_union() -> None:
    order = Order([Line("x")], Line("y", 2))

    assert codec_for(Order).decode(pack(order).value) == order
    assert codec_for(Line).decode(b'{"@type":"strict/line","sku":"x"}') == Line("x")
    assert codec_for(list[Line]).decode(pack([Line("x")]).value) == [Line("x")]
    assert codec_for(Order).decode(b'{"lines":[],"either":{"@type":"bank/deposit","cents":1,"new":2}}') == Order(
        [], Deposit(1)
    )


def test_state_of_a_strict_class_is_read_with_unknown_keys() -> None:
    codec = codec_for(Order, state=True)

    assert codec.decode(b'{"lines":[{"sku":"x","old":1}],"gone":2}') == Order([Line("x")])
    assert codec.in_messages is codec_for(Order)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (lambda: message("strict/x", strict=1), "message('strict/x'): strict= is True or False, got 1."),  # type: ignore[arg-type]
        (
            lambda: message("strict/duration", strict=True)(Duration),
            "@message('strict/duration') on Duration: strict=True is for JSON; protobuf keeps unknown fields. "
            "Leave it out.",
        ),
    ],
)
def test_strict_is_refused_where_it_has_no_effect(name: Callable[[], object], problem: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        name()

    assert str(caught.value) == problem
