"""The types that handlers take and reply: what can be sent, and each type once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import attrs
import pydantic
import pytest
from google.protobuf import any_pb2

from statefun_actors import Entity, handles, message, persisted
from tests.entity.cart import Added, Taken, cart, problems_of


@message("cart/added")
class Other:
    sku: str


class Plain:
    x: int


@dataclass
class Data:
    x: int


class Model(pydantic.BaseModel):
    x: int


@attrs.frozen
class Nameless:
    sku: str


@pytest.mark.parametrize(
    ("types", "problem"),
    [
        ((Nameless,), 'Nameless has no typename; write @message("ns/name") above `class Nameless`'),
        ((Plain,), 'Plain is not a message; write @message("ns/name") above `class Plain`'),
        ((Data,), 'Data is not a message; write @message("ns/name") above `class Data`, and remove @dataclass'),
        (
            (Model,),
            'Model is not a message; write @message("ns/name") above `class Model`, and remove the base BaseModel',
        ),
        ((complex,), "`complex` can't be stored: write `tuple[float, float]`"),
        ((Added | None,), "a message is never None; remove `| None`"),
        ((None,), "a message is never None; remove `| None`"),
        ((list,), "`list` does not say what it holds: write for example `list[str]`"),
    ],
)  # fmt: skip
def test_a_handler_takes_what_can_be_sent(types: tuple[Any, ...], problem: str) -> None:
    @handles(*types)
    def f(self: object, message: object) -> None: ...

    assert cart(f=f) == [f"Cart.f: {problem}"]


def test_a_reply_that_can_not_be_sent_is_refused() -> None:
    def define() -> object:
        class Cart(Entity, typename="cart/cart"):
            @handles
            def add(self, message: Added) -> Nameless | None: ...

        return Cart

    assert problems_of(define) == [
        'add: its reply can\'t be sent: Nameless has no typename; write @message("ns/name") above `class Nameless`'
    ]


def test_one_type_has_one_handler() -> None:
    def define() -> object:
        class Cart(Entity, typename="cart/cart"):
            @handles(Added, Taken)
            def f(self, message: Added | Taken) -> None: ...

            @handles(int)
            def g(self, message: int) -> None: ...

            @handles
            def h(self, message: int | Added) -> None: ...

            @handles(any_pb2.Any)
            def i(self, message: any_pb2.Any) -> None: ...

            @handles
            def j(self, message: any_pb2.Any) -> None: ...

        return Cart

    assert problems_of(define) == [
        "Cart.g and Cart.h both handle int; a type has one handler",
        "Cart.f and Cart.h both handle Added; a type has one handler",
        "Cart.i and Cart.j both handle google.protobuf.Any; keep one",
    ]


def test_two_types_that_are_one_on_the_wire_are_refused() -> None:
    def define() -> object:
        class Cart(Entity, typename="cart/cart"):
            @handles
            def f(self, message: list[str] | dict[str, int]) -> None: ...

        return Cart

    assert problems_of(define) == [
        "Cart.f takes list[str] and dict[str, int], which are both statefun-actors/json on the wire; "
        "put one of them into a field of a @message class of its own"
    ]


def test_two_classes_under_one_name_are_refused() -> None:
    def two_handlers() -> object:
        class Cart(Entity, typename="cart/cart"):
            @handles
            def f(self, message: Added) -> None: ...

            @handles
            def g(self, message: Other) -> None: ...

        return Cart

    def handler_and_field() -> object:
        class Cart(Entity, typename="cart/cart"):
            last: Other | None = persisted()

            @handles
            def f(self, message: Added) -> None: ...

        return Cart

    assert problems_of(two_handlers) == [
        "Cart.f takes Added and Cart.g takes Other, which are both cart/added on the wire; "
        "give one of them another name"
    ]
    assert problems_of(handler_and_field) == [
        "last holds Other and Cart.f takes another class, both named cart/added; give one of them another name"
    ]
