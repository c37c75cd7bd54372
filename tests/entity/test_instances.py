"""Instances: detached ones for tests of plain methods, and the one of a batch, which ends with it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from statefun_actors import (
    Address,
    DetachedEntityError,
    Discard,
    Entity,
    StateDecodeError,
    TypedValue,
    UndeclaredAttributeError,
    handles,
    message,
    persisted,
)
from statefun_actors.entity import hydrate
from statefun_actors.types import pack
from tests.dispatch.world import World


@message("test/do")
class Do:
    name: str = "deed"


@attrs.define
class Line:
    sku: str


class Cart(Entity, typename="cart/cart"):
    total: int = persisted(default=0)
    lines: list[Line] = persisted(factory=list)
    owner: str | None = persisted(default=None, name="user")

    def add(self, sku: str) -> None:
        self.total += 1
        self.lines.append(Line(sku))

    @property
    def label(self) -> str:
        return f"{self.owner}: {self.total}"

    @property
    def broken(self) -> int:
        return self.totl  # type: ignore[attr-defined,no-any-return]

    @handles
    def obey(self, message: Do) -> object:
        return DEEDS[message.name](self)


class Sure(Cart, typename="cart/sure", on_failure=Discard()):
    pass


class Other(Cart, typename="cart/other"):
    pass


DEEDS: dict[str, Callable[[Any], Any]] = {}


async def failure(deed: Callable[[Any], Any], kind: type[Cart] = Cart, **state: object) -> BaseException:
    DEEDS["deed"] = deed
    outcome = await World(kind, state).outcome(Do())
    return outcome.failures[0].error if hasattr(outcome, "failures") else outcome.error  # type: ignore[union-attr]


async def run(deed: Callable[[Any], Any], **state: object) -> World:
    DEEDS["deed"] = deed
    world = World(Cart, state)
    await world.done(Do())
    return world


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


# --- undeclared attributes

UNDECLARED = (
    "Cart has no field 'totl'; its fields are total, lines, owner. "
    "To keep it, add to the class: `totl: <type> = persisted(default=...)`"
)


def test_assigning_an_undeclared_attribute_says_what_to_add() -> None:
    cart: Any = Cart()

    for use in (
        lambda: setattr(cart, "totl", 5),
        lambda: cart.totl,
        lambda: delattr(cart, "totl"),
    ):
        with pytest.raises(UndeclaredAttributeError) as caught:
            use()
        assert str(caught.value) == UNDECLARED
    assert not hasattr(cart, "totl")


@pytest.mark.parametrize("use", ["self.totl = 5", "self.totl", "del self.totl", "self.totl += 5"])
async def test_in_a_handler_too(use: str) -> None:
    def deed(self: Cart) -> None:
        exec(use)

    error = await failure(deed)

    assert isinstance(error, AttributeError)
    assert f"{type(error).__name__}: {error}" == f"UndeclaredAttributeError: {UNDECLARED}"
    assert error.__traceback__ is not None
    assert any(frame.f_code.co_name == "deed" for frame in frames_of(error))


def frames_of(error: BaseException) -> list[Any]:
    trace, found = error.__traceback__, []
    while trace is not None:
        found.append(trace.tb_frame)
        trace = trace.tb_next
    return found


async def test_under_a_policy_too() -> None:
    error = await failure(lambda self: setattr(self, "totl", 5), Sure)

    assert str(error) == UNDECLARED.replace("Cart", "Sure")


async def test_other_attribute_errors_stay_as_they_are() -> None:
    class Basket:
        __slots__ = ()

    for use, text in (
        (lambda self: setattr(Basket(), "totl", 5), "'Basket' object has no attribute 'totl'"),
        (lambda self: getattr(Basket(), "totl"), "'Basket' object has no attribute 'totl'"),  # noqa: B009
        (lambda self: setattr(self, "label", 5), "property 'label' of 'Cart' object has no setter"),
        (lambda self: setattr(self, "add", 5), "'Cart' object attribute 'add' is read-only"),
    ):
        error = await failure(use)

        assert type(error) is AttributeError
        assert str(error).startswith(text)


def test_an_attribute_that_is_no_field_is_not_called_undeclared() -> None:
    cart: Any = Cart()

    for name in ("label", "add", "now", "id", "obey"):
        with pytest.raises(AttributeError) as caught:
            setattr(cart, name, 5)
        assert type(caught.value) is AttributeError


async def test_a_property_with_a_typo_says_where_the_typo_is() -> None:
    with pytest.raises(UndeclaredAttributeError, match="Cart has no field 'totl'"):
        Cart().broken  # noqa: B018
    assert "Cart has no field 'totl'" in str(await failure(lambda self: self.broken))


# --- the instance of a batch


async def test_one_instance_serves_the_whole_batch() -> None:
    seen: list[int] = []
    DEEDS["deed"] = lambda self: seen.append(id(self))

    await World(Cart).done(Do(), Do(), Do())

    assert len(set(seen)) == 1


async def test_a_running_instance_is_of_the_very_class() -> None:
    seen: list[type] = []

    await run(lambda self: seen.append(type(self)))

    assert seen == [Cart]


async def test_running_instances_can_be_shown_and_compared() -> None:
    seen: list[object] = []

    world = await run(lambda self: seen.extend([repr(self), self == Cart(total=3), Cart(total=3) == self]), total=3)

    assert seen == ["Cart(total=3, lines=[], owner=None)", True, True]
    assert world.state == {"total": pack(3), "lines": None, "user": None}


@pytest.mark.parametrize("kind", [Cart, Sure])
async def test_after_its_batch_an_instance_can_not_send_or_read_any_more(kind: type[Cart]) -> None:
    kept: list[Cart] = []

    def keep(self: Cart) -> None:
        self.total += 1
        kept.append(self)

    DEEDS["deed"] = keep
    world = World(kind, {"total": 3})
    outcome = await world.done(Do())
    (cart,) = kept

    for use in (
        lambda: cart.send(Address("a/b", "c"), 5),
        lambda: cart.reply(5),
        lambda: cart.id,
        lambda: cart.now,
        lambda: cart.lines,
        cart.clear,
        lambda: delattr(cart, "total"),
    ):
        with pytest.raises(DetachedEntityError):
            use()
    assert cart.total == 4
    assert repr(cart) == f"{kind.__name__}(total=4)"
    assert outcome.effects == []


async def test_an_instance_whose_batch_failed_is_cut_off_too() -> None:
    kept: list[Cart] = []

    def fail(self: Cart) -> None:
        kept.append(self)
        raise RuntimeError

    await failure(fail)

    with pytest.raises(DetachedEntityError):
        kept[0].send(Address("a/b", "c"), 5)


async def test_unreadable_state_does_not_hide_behind_a_repr() -> None:
    error = await failure(repr, total=TypedValue("io.statefun.types/long", b"\xff"))

    assert isinstance(error, StateDecodeError)
