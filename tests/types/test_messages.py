"""``message``: classes get a name, and become attrs classes."""

from __future__ import annotations

import attrs
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from statefun_actors.model import TypedValue
from statefun_actors.types import codec_for, message, message_name, pack
from tests.types.deposit import Deposit


def test_a_plain_class_becomes_a_frozen_attrs_class() -> None:
    deposit = Deposit(500, tags=["a"])

    assert deposit == Deposit(cents=500, note="", tags=["a"])
    assert deposit.euros() == 5.0
    assert vars(Deposit)["__slots__"] == ("cents", "note", "tags", "__weakref__")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        deposit.cents = 1  # type: ignore[misc]


def test_a_message_is_encoded_as_json_under_its_name() -> None:
    typed = pack(Deposit(500))

    assert typed == TypedValue("bank/deposit", b'{"cents":500,"note":"","tags":[]}')
    assert codec_for(Deposit).decode(typed.value, typed.typename) == Deposit(500)
    assert codec_for(Deposit).accepts == {"bank/deposit"}


def test_an_attrs_class_is_only_named() -> None:
    @attrs.define
    class Basket:
        items: list[str] = attrs.field(factory=list)

    assert message("shop/basket")(Basket) is Basket
    basket = Basket()
    basket.items = ["x"]
    assert pack(basket) == TypedValue("shop/basket", b'{"items":["x"]}')


def test_a_protobuf_class_is_only_named() -> None:
    before = codec_for(FieldMask | None)
    assert (before.typename, pack(FieldMask()).typename) == ("type.googleapis.com/google.protobuf.FieldMask",) * 2

    assert message("data/mask")(FieldMask) is FieldMask

    assert message_name(FieldMask) == "data/mask"
    assert codec_for(FieldMask | None).typename == "data/mask"
    assert pack(FieldMask(paths=["a"])) == TypedValue("data/mask", FieldMask(paths=["a"]).SerializeToString())


def test_a_subclass_is_not_named_by_its_base() -> None:
    @attrs.frozen
    class Special(Deposit):
        more: int = 0

    assert message_name(Deposit) == "bank/deposit"
    assert message_name(Special) is None
    assert message_name(int) is None
    assert message_name(message("bank/special")(Special)) == "bank/special"
    assert pack(Special(1)).typename == "bank/special"


def test_classes_inside_a_function_may_contain_each_other_and_themselves() -> None:
    @message("local/leaf")
    class Leaf:
        text: str

    @message("local/tree")
    class Tree:
        leaf: Leaf
        left: Tree | None = None
        parts: list[Leaf | Tree] = attrs.field(factory=list)

    codec = codec_for(Tree)
    tree = Tree(Leaf("a"), Tree(Leaf("b")), [Leaf("c"), Tree(Leaf("d"))])

    assert codec.decode(codec.encode(tree)) == tree


def test_a_field_may_name_a_class_further_down() -> None:
    assert codec_for(First).encode(First(Second(1))) == b'{"second":{"number":1}}'


@message("order/first")
class First:
    second: Second


@message("order/second")
class Second:
    number: int


def test_two_classes_may_have_one_name_until_one_entity_uses_both() -> None:
    one, two = attrs.make_class("One", {}), attrs.make_class("Two", {})

    message("bank/deposit")(one)
    message("bank/deposit")(two)

    assert message_name(one) == message_name(two) == "bank/deposit"


def test_a_wrapper_keeps_its_own_type_url() -> None:
    assert pack(Duration()).typename == "type.googleapis.com/google.protobuf.Duration"
    assert codec_for(Timestamp).typename == "type.googleapis.com/google.protobuf.Timestamp"
