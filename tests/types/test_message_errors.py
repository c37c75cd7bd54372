"""``message`` refuses invalid names, and classes that can not be messages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, TypedDict

import attrs
import msgspec
import pydantic.dataclasses
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage

from statefun_actors.errors import DefinitionError
from statefun_actors.types import UnresolvedNameError, codec_for, message, message_name
from tests.types.deposit import Deposit


def test_an_unknown_class_in_an_annotation_is_reported_when_the_message_is_used() -> None:
    @message("local/lost")
    class Lost:
        thing: Nothing  # type: ignore[name-defined] # noqa: F821

    with pytest.raises(UnresolvedNameError) as caught:
        codec_for(Lost)

    assert str(caught.value) == (
        "Lost.thing: name 'Nothing' is not defined: define it at the top level of tests.types.test_message_errors, "
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
