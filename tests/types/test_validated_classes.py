"""attrs classes with validators, converters and ``__attrs_post_init__``: they run on reading."""

from __future__ import annotations

import attrs
import pytest

from statefun_actors.errors import ValueMismatchError
from statefun_actors.types import codec_for
from tests.types.order import Order


def stripped(text: str) -> str:
    return text.strip()


def doubled(number: int) -> int:
    return number * 2


@attrs.frozen
class Name:
    text: str = attrs.field(converter=stripped)


@attrs.frozen
class Doubled:
    number: int = attrs.field(converter=doubled)


@attrs.define
class Derived:
    base: int
    square: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        if self.base > 1000:
            raise OverflowError("too large")
        self.square = self.base**2


def test_a_value_that_a_validator_refuses_is_a_mismatch_with_its_path() -> None:
    with pytest.raises(ValueMismatchError) as caught:
        codec_for(list[Order]).decode(b'[{"id":"a","total":0}]')

    assert str(caught.value) == "expected values that `Order` accepts, got ValueError: 0 is not positive - at `$[0]`"
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_value_that_a_validator_would_refuse_on_reading_is_not_written() -> None:
    order = Order("a", 1)
    object.__setattr__(order, "total", -1)

    with pytest.raises(ValueMismatchError) as caught:
        codec_for(dict[str, Order]).encode({"first one": order})

    assert str(caught.value) == (
        "expected values that `Order` accepts, got ValueError: -1 is not positive - at `$['first one']`"
    )


def test_a_value_that_a_converter_would_change_on_reading_is_not_written() -> None:
    codec = codec_for(Doubled)

    with pytest.raises(ValueMismatchError) as caught:
        codec.encode(Doubled(1))

    assert str(caught.value) == (
        "expected `Doubled` that is read back unchanged, got a value that its converters or "
        "__attrs_post_init__ "
        'change: {"number":2} becomes {"number":4}'
    )
    assert codec.encode(Doubled(0)) == b'{"number":0}'


def test_converters_run_on_reading() -> None:
    codec = codec_for(Name)

    assert codec.decode(b'{"text":" x "}') == Name("x")
    assert codec.decode(codec.encode(Name(" y"))) == Name("y")


def test_post_init_runs_on_reading_and_its_errors_are_mismatches() -> None:
    codec = codec_for(Derived)

    assert codec.decode(codec.encode(Derived(3))) == Derived(3)
    assert codec.decode(b'{"base":3}') == Derived(3)
    with pytest.raises(ValueMismatchError) as caught:
        codec.decode(b'{"base":3000}')
    assert str(caught.value) == "expected values that `Derived` accepts, got OverflowError: too large"
