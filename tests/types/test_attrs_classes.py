"""attrs classes as values: data of other versions of a class, and how instances are made."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import attrs
import pytest

from statefun_actors.errors import ValueMismatchError
from statefun_actors.types import UnstorableTypeError, codec_for, pack
from tests.types.order import Order
from tests.types.shapes import Box, Cart, Line

T = TypeVar("T")


@attrs.define
class WithOwnInit:
    x: int
    y: int

    def __init__(self, both: int) -> None:
        self.__attrs_init__(both, both)  # type: ignore[attr-defined]


@attrs.define
class Unset:
    x: int = attrs.field(init=False)


@attrs.frozen
class IntBox(Box[int]):
    note: str = ""


@attrs.frozen
class Pair(Generic[T]):
    left: Box[T]
    right: T | None = None


@attrs.define(eq=False)
class Thing:
    name: str


@attrs.frozen
class Loose:
    items: list[int]


def test_missing_members_take_the_defaults_and_unknown_ones_are_ignored() -> None:
    order: Any = codec_for(Order).decode(b'{"id":"a","total":1,"from the future":[{}]}')

    assert order == Order("a", 1, tags=[], label="order a")


def test_a_missing_member_without_a_default_is_refused() -> None:
    with pytest.raises(ValueMismatchError) as caught:
        codec_for(Cart).decode(b'{"lines":[{"count":1}]}')

    assert str(caught.value) == "expected `str`, got nothing - at `$.lines[0].sku`"


def test_members_that_are_not_arguments_of_init_are_read_back() -> None:
    order = Order("a", 1)
    order.seen = 7
    codec = codec_for(Order)

    assert codec.decode(codec.encode(order)) == order
    assert codec.decode(b'{"id":"a","total":1}') == Order("a", 1)


def test_instances_of_a_class_with_its_own_init_are_created_by_attrs() -> None:
    value = WithOwnInit(1)  # type: ignore[call-arg]
    value.y = 2
    codec = codec_for(WithOwnInit)

    read: Any = codec.decode(codec.encode(value))

    assert (read.x, read.y) == (1, 2)


def test_an_attribute_that_was_never_set_is_refused() -> None:
    with pytest.raises(ValueMismatchError) as caught:
        codec_for(Unset).encode(Unset())

    assert str(caught.value) == "expected a value, got an attribute that was never set - at `$.x`"


def test_an_instance_of_a_subclass_is_refused() -> None:
    @attrs.define
    class Special(Line):
        pass

    with pytest.raises(ValueMismatchError) as caught:
        codec_for(Line).encode(Special("x"))

    assert str(caught.value) == "expected `Line`, got `Special`"


def test_type_variables_are_substituted_by_arguments_and_bases() -> None:
    assert codec_for(IntBox).encode(IntBox(1, note="x")) == b'{"content":1,"more":[],"note":"x"}'
    assert codec_for(Pair[str]).encode(Pair(Box("a"), "b")) == b'{"left":{"content":"a","more":[]},"right":"b"}'
    with pytest.raises(ValueMismatchError) as caught:
        codec_for(Pair[str]).encode(Pair(Box(1)))
    assert str(caught.value) == "expected `str`, got `int` - at `$.left.content`"


def test_a_set_refuses_two_items_with_equal_bytes() -> None:
    with pytest.raises(ValueMismatchError) as caught:
        codec_for(set[Thing]).encode({Thing("a"), Thing("a")})

    assert str(caught.value) == ("expected `set[Thing]` of distinct items, got two items that are both {'name': 'a'}")


def test_unhashable_items_of_a_set_are_refused() -> None:
    with pytest.raises(ValueMismatchError) as caught:
        codec_for(set[Loose]).decode(b'[{"items":[]}]')

    prefix, said = "expected `set[Loose]` of hashable items, got ", "unhashable type: 'list'"
    since_3_14 = f"cannot use 'tests.types.test_attrs_classes.Loose' as a set element ({said})"
    assert str(caught.value).removeprefix(prefix) in (said, since_3_14)


def test_a_class_inside_a_function_can_contain_itself() -> None:
    @attrs.define
    class Link:
        next: Link | None = None

    codec = codec_for(Link)

    assert codec.decode(codec.encode(Link(Link()))) == Link(Link())


def test_a_field_may_be_named_like_its_type() -> None:
    codec = codec_for(Calendar)

    assert codec.decode(codec.encode(Calendar([1], 2))) == Calendar([1], 2)


@attrs.define
class Calendar:
    list: list[int]
    int: int


def test_an_undecorated_subclass_of_an_attrs_class_is_refused() -> None:
    class Forgotten(Line):
        more: int = 0

    with pytest.raises(UnstorableTypeError) as caught:
        codec_for(Forgotten)

    assert str(caught.value) == (
        "`Forgotten` can't be stored: it derives from an attrs class, but is not one itself: "
        "decorate it with `@attrs.define` too"
    )


def test_an_attrs_class_without_a_name_can_be_sent_in_a_container() -> None:
    assert pack([Line("x")]).value == b'[{"count":1,"price":null,"sku":"x"}]'


def listed(names: list[str]) -> list[str]:
    return list(names)


@attrs.define(kw_only=True)
class Stamped:
    made: str = ""
    _by: str = attrs.field(default="", alias="author")


@attrs.define
class Stock(Stamped):
    """Keyword-only attributes come before a positional one, one that is no argument, and one with an alias."""

    sku: str = "x"
    _shelf: int = 0
    count: int = attrs.field(default=0, kw_only=True, on_setattr=attrs.setters.frozen)
    # What attrs makes of `@label.default`, which type checkers do not know.
    label: str = attrs.field(default=attrs.Factory(lambda self: self.sku.upper(), takes_self=True), init=False)
    names: list[str] = attrs.field(
        default=attrs.Factory(lambda self: [self.sku], takes_self=True),
        kw_only=True,
        converter=listed,
    )
    note: str = attrs.field(default="", alias="remark")


@attrs.define(init=False)
class Bare:
    x: int = attrs.field(kw_only=True)
    y: int = 0


def test_attributes_are_passed_to_init_in_the_order_of_attrs() -> None:
    stock = Stock("pen", 3, "few", made="today", author="ada", count=2)
    codec = codec_for(Stock)

    assert codec.decode(codec.encode(stock)) == stock
    assert codec.encode(stock) == (
        b'{"_by":"ada","_shelf":3,"count":2,"label":"PEN","made":"today","names":["pen"],"note":"few","sku":"pen"}'
    )
    assert codec.decode(b'{"made":"now"}') == Stock(made="now")


def test_instances_of_a_class_without_init_are_created_by_attrs() -> None:
    bare: Any = codec_for(Bare).decode(b'{"x":1,"y":2}')

    assert (type(bare), bare.x, bare.y) == (Bare, 1, 2)
