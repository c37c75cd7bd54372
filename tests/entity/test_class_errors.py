"""The faults of a class as a whole are reported at its definition: all at once, each with a remedy."""

from __future__ import annotations

import abc
import functools
from typing import Any

import attrs
import pytest

from statefun_actors import DefinitionError, Entity, NotAMessageError, handles, message, persisted
from statefun_actors.types import pack
from tests.entity.cart import Added, cart, declare, problems_of

ENTITY_NAMES = ["address", "at", "caller", "cancel", "clear", "id", "now", "reply", "send", "send_after", "send_egress"]


def test_everything_wrong_with_a_class_is_said_at_once() -> None:
    def define() -> object:
        class Cart(Entity, typename="cart"):
            total: complex = persisted(default=0j)
            items: list[str] = persisted(default=[])
            sent: bool
            send: str = persisted(default="")  # type: ignore[assignment]

            @handles
            def add(self, message) -> None: ...  # type: ignore[no-untyped-def]

            @handles(Added)
            def put(self, message: Added) -> None: ...

            @handles(Added)
            def place(self, message: Added) -> None: ...

        return Cart

    with pytest.raises(DefinitionError) as caught:
        define()

    assert str(caught.value) == (
        "class Cart has 7 problems:\n"
        "  - 'send' hides an attribute of Entity; choose another name\n"
        "  - sent: an annotated attribute is not a field; "
        "write `sent: ... = persisted(default=...)` to keep it, or ClassVar[...] to share it\n"
        "  - add: it has no message type; write @handles(Type), or annotate `message: Type`\n"
        "  - total: `complex` can't be stored: write `tuple[float, float]`\n"
        "  - items: default=[] is mutable and would be shared; write factory=list\n"
        "  - Cart.put and Cart.place both handle Added; a type has one handler\n"
        "  - typename= is <namespace>/<name>: got 'cart'. Write <namespace>/<name>, such as 'bank/account'."
    )


def test_one_problem_stands_in_one_line() -> None:
    def define() -> object:
        class Cart(Entity, typename="cart/cart"):
            total: int = persisted()

        return Cart

    with pytest.raises(DefinitionError) as caught:
        define()

    assert str(caught.value) == (
        "class Cart: total: a field that is not optional needs a default: "
        "persisted(default=...) or persisted(factory=...)"
    )


@pytest.mark.parametrize(
    ("typename", "problem"),
    [
        ("cart", "typename= is <namespace>/<name>: got 'cart'. Write <namespace>/<name>, such as 'bank/account'."),
        ("/cart", "typename= is <namespace>/<name>: got '/cart'. Write <namespace>/<name>, such as 'bank/account'."),
        ("cart/", "typename= is <namespace>/<name>: got 'cart/'. Write <namespace>/<name>, such as 'bank/account'."),
        ("", "typename= is <namespace>/<name>: got ''. Write <namespace>/<name>, such as 'bank/account'."),
        (5, "typename= is <namespace>/<name>: got 5. Write a string such as 'bank/account'."),
        (
            "statefun-actors/cart",
            "typename='statefun-actors/cart': the namespace 'statefun-actors' is reserved; choose your own",
        ),
        (
            "io.statefun/cart",
            "typename='io.statefun/cart': the namespace 'io.statefun' is reserved; choose your own",
        ),
        (
            "io.statefun.types/cart",
            "typename='io.statefun.types/cart': the namespace 'io.statefun' is reserved; choose your own",
        ),
        ("cart/\ud800", "typename='cart/\\ud800' contains text that UTF-8 can't encode; choose another name"),
    ],
)
def test_a_typename_is_a_namespace_and_a_name_of_ones_own(typename: object, problem: str) -> None:
    assert cart(typename=typename) == [problem]


@pytest.mark.parametrize("name", ENTITY_NAMES)
def test_nothing_may_hide_what_every_entity_has(name: str) -> None:
    hides = f"{name!r} hides an attribute of Entity; choose another name"

    assert cart(**{name: lambda self: None}) == [hides]
    assert cart(**{name: persisted(default=0)}, annotations={name: int}) == [hides]
    assert cart(annotations={name: int}) == [hides]


@pytest.mark.parametrize("name", ENTITY_NAMES)
def test_a_mixin_may_not_hide_it_either(name: str) -> None:
    mixin = type("Mixin", (), {"__slots__": (), name: lambda self: None})

    assert cart(mixin) == [f"Mixin.{name} hides an attribute of Entity; choose another name"]


@pytest.mark.parametrize(
    "name", ["__init__", "__new__", "__getattr__", "__setattr__", "__delattr__", "__attrs_post_init__"]
)
def test_making_instances_is_left_to_the_engine(name: str) -> None:
    mixin = type("Mixin", (), {"__slots__": (), name: lambda self: None})

    assert cart(**{name: lambda self: None}) == [
        f"{name} is reserved: the engine creates the instances; give fields their defaults in persisted(...)"
    ]
    assert cart(mixin) == [f"Mixin.{name} is never called, since the engine creates the instances; remove it"]


def test_a_base_whose_instances_take_any_attribute_is_refused() -> None:
    class Loose:
        pass

    assert cart(Loose) == [
        "the base Loose accepts any attribute, which would be lost silently; "
        "derive it from Entity (without a typename), or give it `__slots__ = ()`"
    ]


def test_a_cached_property_has_no_place_to_keep_its_value() -> None:
    problem = "total: a cached_property would lose its value after the batch; write @property"
    assert cart(total=functools.cached_property(lambda self: 0)) == [problem]


@pytest.mark.parametrize("policy", ["retry", 3, object])
def test_a_failure_policy_is_one_of_two(policy: Any) -> None:
    def define() -> object:
        class Cart(Entity, typename="cart/cart", on_failure=policy):
            pass

        return Cart

    assert problems_of(define) == [f"on_failure= is DeadLetter(...) or Discard(...), got {policy!r}"]


def test_abstract_methods_are_defined_before_a_class_gets_a_typename() -> None:
    class Sums(Entity):
        @abc.abstractmethod
        def total(self) -> int: ...

    def define() -> object:
        class Cart(Sums, typename="cart/cart"):
            pass

        return Cart

    assert problems_of(define) == ["it has abstract methods: total; define them, or remove the typename"]


def test_two_bases_with_slots_of_their_own_can_not_be_combined() -> None:
    class One(Entity, typename="cart/one"):
        a: int = persisted(default=0)

    class Two(Entity, typename="cart/two"):
        b: int = persisted(default=0)

    def define() -> object:
        class Cart(One, Two, typename="cart/cart"):
            pass

        return Cart

    assert problems_of(define) == [
        "two of its bases have a typename, or slots of their own; derive it from one of them"
    ]


def test_an_abstract_class_has_no_instances() -> None:
    class Base(Entity):
        total: int = persisted(default=0)

    with pytest.raises(DefinitionError) as caught:
        Base(total=3)

    assert str(caught.value) == (
        "Base(...): an abstract Entity can't have instances; give the class a typename='ns/name'"
    )


def test_an_abstract_class_is_looked_at_too() -> None:
    def define() -> object:
        class Base(Entity):
            total: complex = persisted(default=0j)

        return Base

    assert problems_of(define) == ["total: `complex` can't be stored: write `tuple[float, float]`"]


def test_errors_of_python_itself_keep_their_text() -> None:
    class Base(Entity):
        def __init_subclass__(cls, *, region: str, **keywords: Any) -> None:
            super().__init_subclass__(**keywords)

    def define() -> object:
        class Cart(Base, typename="cart/cart"):
            pass

        return Cart

    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'region'"):
        define()


def test_a_broken_repr_does_not_hide_the_problem() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    assert cart(total=persisted(default=Broken()), annotations={"total": int}) == [
        "total: default=<Broken that can't be printed> does not fit: expected `int`, got `Broken`"
    ]
    assert cart(total=declare(default=0, convert=Broken()), annotations={"total": int}) == [
        "total: convert= is a function of a TypedValue, got <Broken that can't be printed>"
    ]


def test_an_option_that_there_is_not_is_named() -> None:
    def define() -> object:
        make: Any = type(Entity)
        return make("Cart", (Entity,), {"__module__": __name__}, type_name="cart/cart", failure=None)

    assert problems_of(define) == [
        "an Entity takes typename=, on_failure=, internal=, concurrency=, expire_after_call= and was=, "
        "not type_name=, failure="
    ]


def test_attrs_has_no_say_in_an_entity() -> None:
    def define() -> object:
        @attrs.define
        class Cart(Entity, typename="cart/cart"):
            total: int = persisted(default=0)

        return Cart

    assert problems_of(define) == ["its fields are attrs fields already; remove the attrs decorator"]


def test_an_entity_is_no_value() -> None:
    class Cart(Entity, typename="cart/cart"):
        total: int = persisted(default=0)

    instead = "`Cart` can't be stored: an Entity is not a value; write `Address`, and keep `Cart.at(id)`"
    assert cart(first=declare(default=None), annotations={"first": Cart | None}) == [f"first: {instead}"]
    assert cart(all=declare(factory=list), annotations={"all": list[Cart]}) == [f"all: {instead}"]
    assert problems_of(lambda: message("cart/told")(Cart)) == [
        "an Entity can't be a message. Send its address, or a @message class with the fields to send."
    ]
    with pytest.raises(NotAMessageError) as caught:
        pack(Cart(total=3))
    assert str(caught.value) == (
        "a value of class `Cart` is not a message. Send its address, or a @message class with the fields to send."
    )
