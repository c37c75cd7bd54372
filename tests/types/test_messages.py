"""``message``: names for classes, and the errors for classes that can't be messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, TypedDict

import attrs
import msgspec
import pydantic.dataclasses
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from statefun_actors.errors import DefinitionError, ValueMismatchError
from statefun_actors.model import TypedValue
from statefun_actors.types import UnresolvedNameError, codec_for, message, message_name, pack


@message("bank/deposit")
class Deposit:
    cents: int
    note: str = ""
    tags: list[str] = attrs.field(factory=list)

    def euros(self) -> float:
        return self.cents / 100


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


def test_an_unknown_class_in_an_annotation_is_reported_when_the_message_is_used() -> None:
    @message("local/lost")
    class Lost:
        thing: Nothing  # type: ignore[name-defined] # noqa: F821

    with pytest.raises(UnresolvedNameError) as caught:
        codec_for(Lost)

    assert str(caught.value) == (
        "Lost.thing: name 'Nothing' is not defined: define it at the top level of tests.types.test_messages, "
        "outside `if TYPE_CHECKING:`"
    )


def test_all_fields_that_can_not_be_stored_are_reported_at_once() -> None:
    with pytest.raises(DefinitionError) as caught:

        @message("local/bad")
        class Bad:
            items: list  # type: ignore[type-arg]
            fine: int
            either: int | str
            later: Nothing  # type: ignore[name-defined] # noqa: F821

    assert str(caught.value) == (
        "@message('local/bad') on Bad has 2 problems:\n"
        "  - Bad.items: `list` does not say what it holds: write for example `list[str]`\n"
        "  - Bad.either: `int | str` can't be read back: its members look alike in JSON; members of a union are attrs "
        "classes with @message names, which `int`, `str` are not; write one type, or make each member a class with "
        "@message('<namespace>/<name>')"
    )


def test_a_mutable_default_is_refused() -> None:
    with pytest.raises(DefinitionError) as caught:

        @message("local/shared")
        class Shared:
            fine: tuple[str, ...] = ()
            items: list[str] = []
            counts: dict[str, int] = {"a": 1}

    assert caught.value.problems == (
        "Shared.items: the default [] is mutable and would be shared; write `attrs.field(factory=list)`",
        "Shared.counts: the default {'a': 1} is mutable and would be shared; "
        "write `attrs.field(factory=lambda: {'a': 1})`",
    )


def test_a_field_without_a_default_after_one_with_a_default_is_refused() -> None:
    with pytest.raises(DefinitionError) as caught:

        @message("local/order")
        class Order:
            first: int = 0
            second: int  # type: ignore[misc] # pyright: ignore[reportGeneralTypeIssues] # what is refused

    assert str(caught.value) == (
        "@message('local/order') on Order: second has no default and follows a field that has one. "
        "Put it first, or give it a default."
    )


def test_a_class_that_was_refused_has_no_name() -> None:
    @attrs.define
    class Bad:
        items: list  # type: ignore[type-arg]

    with pytest.raises(DefinitionError):
        message("local/bad")(Bad)

    assert message_name(Bad) is None


PYDANTIC = (
    "{} can't be a message: its validation would be lost. Remove {}: @message makes the class a frozen attrs class; "
    "a field is checked by attrs.field(validator=...)."
)


def reserved(namespace: str) -> str:
    return f"the namespace {namespace!r} is reserved. Write a namespace of your own."


@pytest.mark.parametrize(
    ("typename", "problem"),
    [
        (
            "deposit",
            "a message's name is <namespace>/<name>, got 'deposit'. "
            "Write <namespace>/<name>, such as @message('bank/deposit').",
        ),
        (
            "bank/",
            "a message's name is <namespace>/<name>, got 'bank/'. "
            "Write <namespace>/<name>, such as @message('bank/deposit').",
        ),
        (
            Deposit,
            f"a message's name is <namespace>/<name>, got {Deposit!r}. "
            "Write <namespace>/<name>, such as @message('bank/deposit').",
        ),
        ("bank/\ud800", "UTF-8 can't encode the name. Write another one."),
        ("statefun-actors/x", reserved("statefun-actors")),
        ("statefun-actors/x/y", reserved("statefun-actors")),
        ("io.statefun/x", reserved("io.statefun")),
        ("io.statefun.types/int", reserved("io.statefun")),
        ("type.googleapis.com/bank.Deposit", reserved("type.googleapis.com")),
    ],
)
def test_an_invalid_name_is_refused(typename: Any, problem: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        message(typename)

    assert str(caught.value) == f"message({typename!r}): {problem}"


@dataclass
class Data:
    x: int


class Struct(msgspec.Struct):
    x: int


class Typed(TypedDict):
    x: int


class Named(NamedTuple):
    x: int


class Model(pydantic.BaseModel):
    x: int


class Narrower(Model):
    y: int


@pydantic.dataclasses.dataclass
class Validated:
    x: int


class Plain:
    x: int


class OnPlain(Plain):
    y: int


class Meta(type):
    pass


class Managed(metaclass=Meta):
    x: int


class Colour(Enum):
    RED = "red"


def function() -> None: ...


@pytest.mark.parametrize(
    ("cls", "name", "problem"),
    [
        (Deposit, "Deposit", "the class is already named 'bank/deposit'. Keep one of the two names."),
        (
            Data,
            "Data",
            "a dataclass can't be a message. Remove @dataclass: @message makes the class a frozen attrs class.",
        ),
        (
            Struct,
            "Struct",
            "a msgspec.Struct can't be a message. "
            "Remove the base msgspec.Struct: @message makes the class a frozen attrs class.",
        ),
        (
            Typed,
            "Typed",
            "a TypedDict can't be a message. Remove the base TypedDict: @message makes the class a frozen attrs class.",
        ),
        (
            Named,
            "Named",
            "a NamedTuple can't be a message. "
            "Remove the base NamedTuple: @message makes the class a frozen attrs class.",
        ),
        (Model, "Model", PYDANTIC.format("a pydantic model", "the base BaseModel")),
        (Narrower, "Narrower", PYDANTIC.format("a pydantic model", "the base BaseModel")),
        (Validated, "Validated", PYDANTIC.format("a pydantic dataclass", "@dataclass")),
        (
            OnPlain,
            "OnPlain",
            "its base Plain is a plain class, so x would not be a field. Write @attrs.frozen above class Plain.",
        ),
        (
            Managed,
            "Managed",
            "its metaclass Meta defines fields in a way that @message does not know. "
            "Write a class without that base, with annotated fields.",
        ),
        (Colour, "Colour", "a subclass of Enum can't be a message. Name a class that has one as a field."),
        (int, "int", "a subclass of int can't be a message. Name a class that has one as a field."),
        (dict, "dict", "a subclass of dict can't be a message. Name a class that has one as a field."),
        (
            ValueError,
            "ValueError",
            "a subclass of BaseException can't be a message. Name a class that has one as a field.",
        ),
        pytest.param(
            function, "function", f"expected a class, got {function!r}. Put it above a class.", id="a function"
        ),
        (AnyMessage, "Any", "google.protobuf.Any carries the typename of its content. Name that class."),
    ],
)
def test_a_class_that_can_not_be_a_message_is_refused(cls: Any, name: str, problem: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        message("some/name")(cls)

    assert str(caught.value) == f"@message('some/name') on {name}: {problem}"


def test_two_classes_may_have_one_name_until_one_entity_uses_both() -> None:
    one, two = attrs.make_class("One", {}), attrs.make_class("Two", {})

    message("bank/deposit")(one)
    message("bank/deposit")(two)

    assert message_name(one) == message_name(two) == "bank/deposit"


def test_a_wrapper_keeps_its_own_type_url() -> None:
    assert pack(Duration()).typename == "type.googleapis.com/google.protobuf.Duration"
    assert codec_for(Timestamp).typename == "type.googleapis.com/google.protobuf.Timestamp"


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
