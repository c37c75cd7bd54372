"""Detached instances, for tests of plain methods: made, compared, shown, copied."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from statefun_actors import DetachedEntityError, Entity, StateDecodeError, UndeclaredAttributeError, persisted
from statefun_actors.entity import hydrate
from statefun_actors.types import pack
from tests.entity.shopping import Cart, Line, Sure, run


class Other(Cart, typename="cart/other"):
    pass


# --- detached


def test_a_detached_instance_is_for_plain_methods() -> None:
    cart = Cart(total=3, owner="ada")

    cart.add("a")

    assert (cart.total, cart.lines, cart.label) == (4, [Line("a")], "ada: 4")


def test_its_defaults_are_its_own() -> None:
    Cart().add("a")

    assert Cart().lines == []


def test_deleting_gives_the_default_back() -> None:
    cart = Cart(total=3, lines=[Line("a")], owner="ada")

    del cart.total, cart.lines, cart.owner
    cart.lines.append(Line("b"))

    assert (cart.total, cart.lines, cart.owner) == (0, [Line("b")], None)


@pytest.mark.parametrize("attribute", ["address", "caller", "id", "now"])
def test_it_has_no_address_caller_or_time(attribute: str) -> None:
    with pytest.raises(DetachedEntityError) as caught:
        getattr(Cart(), attribute)

    assert str(caught.value) == (
        f"self.{attribute} works only in a handler; this Cart was created by user code, or its batch has ended. "
        "To run a handler in a test: given(Cart, 'id').when(message)"
    )


@pytest.mark.parametrize(
    ("attribute", "arguments"),
    [
        ("send", (Cart.at("bea"), 5)),
        ("send_after", (5, Cart.at("bea"), 5)),
        ("send_egress", ("a/b", 5)),
        ("reply", (5,)),
        ("cancel", ("token",)),
        ("clear", ()),
    ],
)
def test_it_can_not_send(attribute: str, arguments: tuple[object, ...]) -> None:
    with pytest.raises(DetachedEntityError, match=f"self.{attribute} works only in"):
        getattr(Cart(), attribute)(*arguments)


def test_fields_are_given_by_name_and_no_others() -> None:
    make: Any = Cart

    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
        make(3)
    with pytest.raises(TypeError, match="unexpected keyword argument 'totl'"):
        make(totl=3)


def test_instances_of_one_class_that_hold_the_same_are_equal() -> None:
    assert Cart(total=1) == Cart(total=1)
    assert Cart(total=1) != Cart(total=2)
    assert Cart() != Other()
    assert Cart() != 5
    with pytest.raises(TypeError, match="unhashable"):
        hash(Cart())


def test_repr_shows_all_fields() -> None:
    assert repr(Cart(total=1)) == "Cart(total=1, lines=[], owner=None)"


def test_a_repr_or_equality_of_the_users_own_stays() -> None:
    class Named(Entity):
        def __repr__(self) -> str:
            return "mine"

        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None

    class Mine(Named, typename="cart/mine"):
        total: int = persisted(default=0)

    assert repr(Mine()) == "mine"
    assert Mine(total=1) == Mine(total=2)


def test_it_is_an_instance_of_its_class_for_all_checks() -> None:
    cart = Cart()

    assert cart.__class__ is Cart
    assert isinstance(cart, Cart)
    assert not isinstance(cart, Other)


def test_attrs_knows_its_fields() -> None:
    fields = attrs.fields(Cart)
    evolve: Any = attrs.evolve  # mypy's plugin knows attrs classes by their decorator alone

    assert [(field.name, field.kw_only) for field in fields] == [("total", True), ("lines", True), ("owner", True)]
    assert attrs.asdict(Cart(total=1, lines=[Line("a")])) == {"total": 1, "lines": [{"sku": "a"}], "owner": None}
    assert evolve(Cart(total=1), owner="ada") == Cart(total=1, owner="ada")
    assert attrs.fields(Sure).total.type is int


@pytest.mark.parametrize("again", [copy.deepcopy, lambda cart: pickle.loads(pickle.dumps(cart))])
def test_copies_hold_the_same_apart(again: Callable[[Cart], Cart]) -> None:
    cart = Cart(total=1, lines=[Line("a")], owner="ada")

    copied = again(cart)

    assert copied == cart
    assert copied.lines[0] is not cart.lines[0]
    with pytest.raises(UndeclaredAttributeError):
        setattr(copied, "totl", 5)  # noqa: B010


def test_a_shallow_copy_shares_what_it_holds() -> None:
    cart = Cart(lines=[Line("a")])

    assert copy.copy(cart).lines is cart.lines


async def test_a_running_instance_is_copied_as_a_detached_one() -> None:
    copies: list[Cart] = []

    await run(lambda self: copies.append(copy.copy(self)), total=3)

    assert copies == [Cart(total=3)]
    with pytest.raises(DetachedEntityError):
        copies[0].id  # noqa: B018


def test_hydrate_shows_state_outside_any_handler() -> None:
    cart = hydrate(Cart, Cart.at("ada"), {"total": pack(3), "user": pack("ada"), "old": pack(1), "lines": None})

    assert cart == Cart(total=3, owner="ada")
    with pytest.raises(StateDecodeError) as caught:
        hydrate(Cart, Cart.at("ada"), {"total": pack("x")})
    assert str(caught.value).startswith("the stored state Cart('ada').total can't be read: expected `int`")
