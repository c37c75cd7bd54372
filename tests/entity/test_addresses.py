"""``Account.at(id)`` is an address that knows the message types of its class."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import Int32Value, StringValue

from statefun_actors import Address, Entity, InvalidAddressError, TypedValue, handles, message, persisted
from statefun_actors.model import Done, Failed, Send
from statefun_actors.types import any_of, pack
from tests.dispatch.world import World, text_of


@message("cart/add")
class Add:
    sku: str


@message("cart/drop")
class Drop:
    sku: str


class Base(Entity):
    @handles
    def add(self, message: Add | Timestamp) -> None: ...


class Cart(Base, typename="cart/cart"):
    @handles(int)
    def count(self, message: int) -> None: ...


class Derived(Cart, typename="cart/derived"):
    @handles(str)
    def name(self, message: str) -> None: ...


class Anything(Base, typename="cart/anything"):
    @handles(AnyMessage)
    def rest(self, message: AnyMessage) -> None: ...


class Sender(Entity, typename="cart/sender"):
    last: Address | None = persisted(default=None)

    @handles
    def run(self, message: Add) -> None:
        DEEDS[message.sku](self)


DEEDS: dict[str, Callable[[Any], Any]] = {}


async def sent_to(target: Any, value: object) -> object:
    """The result of sending *value* to *target*: the sent value, or the error's text."""
    DEEDS["send"] = lambda self: self.send(target, value)
    outcome = await World(Sender).outcome(Add("send"))
    if isinstance(outcome, Failed):
        return text_of(outcome.error)
    assert isinstance(outcome, Done)
    (effect,) = outcome.effects
    assert isinstance(effect, Send)
    assert effect.target == target
    return effect.value


def test_it_is_the_address_of_the_entity() -> None:
    address = Cart.at("ada")

    assert address == Address("cart/cart", "ada")
    assert {Address("cart/cart", "ada"): 1}[address] == 1
    assert (address.typename, address.namespace, address.name, address.id) == ("cart/cart", "cart", "cart", "ada")
    assert repr(address) == "Address('cart/cart', 'ada')"
    assert str(address) == "cart/cart/ada"


@pytest.mark.parametrize("id", ["", 5, None, b"ada"])
def test_an_id_is_a_string_that_is_not_empty(id: Any) -> None:
    with pytest.raises(InvalidAddressError) as caught:
        Cart.at(id)

    assert str(caught.value) == f"an id of cart/cart is a non-empty string: got {id!r}. Write the id as a str."


def test_an_abstract_class_has_no_addresses() -> None:
    with pytest.raises(InvalidAddressError) as caught:
        Base.at("ada")

    assert str(caught.value) == (
        "Base is abstract, so it has no address: got 'ada'. Give the class a typename=\"<namespace>/<name>\"."
    )


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda address: pickle.loads(pickle.dumps(address))])
def test_copied_it_is_a_plain_address(again: Callable[[Address], Address]) -> None:
    copied = again(Cart.at("ada"))

    assert copied == Cart.at("ada")
    assert type(copied) is Address


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Cart, Add("a")),
        (Cart, Timestamp(seconds=5)),
        (Cart, 5),
        (Cart, TypedValue("io.statefun.types/int", b"")),
        (Cart, Int32Value(value=5)),
        (Cart, any_of(TypedValue("cart/add", b"{}"))),
        (Derived, Add("a")),
        (Derived, 5),
        (Derived, "a"),
        (Derived, StringValue(value="a")),
        (Anything, Add("a")),
        (Anything, Drop("a")),
        (Anything, [1]),
    ],
)
async def test_messages_that_the_class_takes_can_be_sent(kind: type[Entity], value: object) -> None:
    assert await sent_to(kind.at("ada"), value) == pack(value)
    assert await sent_to(Address(kind.at("a").typename, "ada"), value) == pack(value)


@pytest.mark.parametrize(
    ("kind", "value", "error"),
    [
        (Cart, Drop("a"), "Cart (cart/cart) takes Add, Timestamp, int, got cart/drop"),
        (Cart, "a", "Cart (cart/cart) takes Add, Timestamp, int, got io.statefun.types/string"),
        (Cart, StringValue(), "Cart (cart/cart) takes Add, Timestamp, int, got type.googleapis.com/"
            "google.protobuf.StringValue"),
        (Derived, True, "Derived (cart/derived) takes Add, Timestamp, int, str, got io.statefun.types/bool"),
        (Cart, TypedValue("other/type", b""), "Cart (cart/cart) takes Add, Timestamp, int, got other/type"),
    ],
)  # fmt: skip
async def test_messages_that_it_does_not_take_fail_at_the_send(kind: type[Entity], value: object, error: str) -> None:
    assert await sent_to(kind.at("ada"), value) == (
        f"UnhandledMessageError: {error}. "
        "Add a handler for it, or one for google.protobuf.Any, which takes every type without its own handler."
    )
    assert await sent_to(Address(kind.at("a").typename, "ada"), value) == pack(value)


async def test_a_delayed_send_is_checked_too() -> None:
    DEEDS["later"] = lambda self: self.send_after(5, Cart.at("ada"), Drop("a"))

    failed = await World(Sender).failed(Add("later"))

    assert str(failed.error).startswith("Cart (cart/cart) takes Add, Timestamp, int, got cart/drop.")


@pytest.mark.parametrize("target", ["cart/cart/ada", ("cart/cart", "ada"), None, Cart])
async def test_a_target_is_an_address(target: Any) -> None:
    assert await sent_to(target, 5) == (
        "ValueMismatchError: expected an address: Account.at('ada') or Address('bank/account', 'ada'), "
        f"got {target!r} ({type(target).__name__})"
    )


@pytest.mark.parametrize(
    ("target", "error"),
    [
        (Address("cart/cart", "\ud800"), "expected an id that UTF-8 can encode, got '\\ud800'"),
        (Cart.at("\udfff"), "expected an id that UTF-8 can encode, got '\\udfff'"),
        (Address("cart/\ud800", "a"), "expected a function type that UTF-8 can encode, got 'cart/\\ud800'"),
    ],
)
async def test_values_that_no_wire_or_store_can_write_fail_at_the_send(target: Address, error: str) -> None:
    assert await sent_to(target, 5) == f"ValueMismatchError: {error}"


async def test_an_address_can_be_kept() -> None:
    DEEDS["keep"] = lambda self: setattr(self, "last", Cart.at("bea"))
    DEEDS["answer"] = lambda self: self.send(self.last, 5)
    world = World(Sender)

    await world.done(Add("keep"))

    assert await world.effects(Add("answer")) == [Send(Address("cart/cart", "bea"), pack(5))]
    assert await sent_to(Address("cart/cart", "ada"), Drop("a")) == pack(Drop("a"))
