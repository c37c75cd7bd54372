"""Annotations: those of the same values, and the errors for types that can't be stored."""

from __future__ import annotations

import collections
import operator
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from enum import Enum
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, Optional, Protocol, TypedDict, TypeVar, Union

import attrs
import msgspec
import pytest
from typing_extensions import TypeAliasType

from statefun_actors.types import Codec, UnresolvedNameError, UnstorableTypeError, codec_for, message, split_optional
from tests.types.shapes import Added, Box, Line, Ping

T = TypeVar("T")
UserId = NewType("UserId", str)
Numbers = TypeAliasType("Numbers", list[int])
Many = TypeAliasType("Many", list[T], type_params=(T,))


@message("other/added")
class AlsoAdded:
    pass


@dataclass
class Data:
    x: int


class Struct(msgspec.Struct):
    x: int


class Dict(TypedDict):
    x: int


class Tuple(NamedTuple):
    x: int


class Proto(Protocol):
    x: int


class Plain:
    pass


class Text(str):
    __slots__ = ()


class Mixed(Enum):
    A = 1.5


class Empty(Enum):
    pass


@attrs.define
class Bad:
    a: list  # type: ignore[type-arg]
    b: int | str
    c: int
    d: Any
    e: dict[str, list]  # type: ignore[type-arg]
    f: Box  # type: ignore[type-arg]


@attrs.define
class Worse:
    bad: Bad | None = None


@attrs.define
class Waiting:
    later: Later  # type: ignore[name-defined] # noqa: F821
    fine: int = 0


@attrs.define
class Grows(Generic[T]):
    next: Grows[list[T]] | None = None


@pytest.mark.parametrize(
    ("annotation", "inner", "optional"),
    [
        (int, int, False),
        (int | None, int, True),
        (None | int, int, True),
        (Optional[list[int]], list[int], True),  # noqa: UP045
        (Union[Added, Ping, None], Added | Ping, True),  # noqa: UP007
        (Annotated[int | None, "note"], int, True),
        (Annotated[UserId, "note"], str, False),
        (UserId | None, str, True),
        (Numbers, list[int], False),
        (Many[str], list[str], False),
        (list[int | None], list[int | None], False),
        (type(None), type(None), False),
    ],
)
def test_optional_is_split_off_at_the_top_only(annotation: Any, inner: Any, optional: bool) -> None:
    assert split_optional(annotation) == (inner, optional)


@pytest.mark.parametrize(
    ("annotation", "same"),
    [
        (int | None, int),
        (UserId, str),
        (Annotated[int, "note"], int),
        (Annotated[int, []], int),
        (Annotated[list[int] | None, "note"], list[int]),
    ],
)
def test_one_codec_serves_all_spellings_of_a_type(annotation: Any, same: Any) -> None:
    assert codec_for(annotation) is codec_for(same)
    assert codec_for(same) is codec_for(same)


def test_errors_spell_a_type_as_it_is_written() -> None:
    spellings = {
        list[int | None]: "`list[int | None]`",
        dict[UserId, tuple[int, ...]]: "`dict[str, tuple[int, ...]]`",
        tuple[()]: "`tuple[()]`",
        Added | Ping: "`Added | Ping`",
        Box[list[int]]: "`Box[list[int]]`",
        Literal["a", 1]: "`Literal['a', 1]`",
        typing.List[int]: "`list[int]`",  # noqa: UP006
        set[date]: "`set[date]`",
    }

    assert {annotation: codec_for(annotation).spelling for annotation in spellings} == spellings
    assert repr(codec_for(Added)) == "<codec of `Added` as shop/added>"


def test_an_alias_may_contain_itself() -> None:
    class TypeAliasType:
        """What ``type Tree = dict[str, Tree | None]`` makes, from Python 3.12 on."""

        def __call__(self) -> None: ...

        @property
        def __value__(self) -> Any:
            return dict[str, operator.getitem(typing.Optional, self)]  # type: ignore[misc]

    codec = codec_for(list[TypeAliasType()])  # type: ignore[misc]
    value = [{"a": {"b": None}}]

    assert codec.decode(codec.encode(value)) == value


ANY = "say which type it is; for any message at all write `google.protobuf.any_pb2.Any`"
KEYS = "write a key of str, int, UUID, date, datetime, Decimal, or an Enum of str or of int"


@pytest.mark.parametrize(
    ("annotation", "problem"),
    [
        (list, "`list` does not say what it holds: write for example `list[str]`"),
        (dict, "`dict` does not say what it holds: write for example `dict[str, int]`"),
        (tuple, "`tuple` does not say what it holds: write for example `tuple[str, ...]`"),
        (typing.List, "`List` does not say what it holds: write for example `list[str]`"),  # noqa: UP006
        (list[set], "`set` does not say what it holds: write for example `set[str]`"),  # type: ignore[type-arg]
        (Sequence[int], "`Sequence[int]` is not one class: write `list[X] or tuple[X, ...]`"),
        (Mapping[str, int], "`Mapping[str, int]` is not one class: write `dict[K, V]`"),
        (collections.deque, "`deque` is not one class: write `list[X]`"),
        (collections.defaultdict[str, int], "`defaultdict[str, int]` is not one class: write `dict[K, V]`"),
        (Any, f"`Any` can't be stored: {ANY}"),
        (object, f"`object` can't be stored: {ANY}"),
        (complex, "`complex` can't be stored: write `tuple[float, float]`"),
        (bytearray, "`bytearray` can't be stored: write `bytes`"),
        (time, "`time` can't be stored: write `timedelta`, the time since midnight"),
        (None, "`None` can't be stored: None alone is not a field type; write `X | None`"),
        (list[None], "`None` can't be stored: None alone is not a field type; write `X | None`"),
        (type[int], "`type[int]` can't be stored: write `str`, and keep the class's name"),
        (
            Callable[[int], str],
            "`Callable[[int], str]` can't be stored: write a method, and keep the values that it needs",
        ),
        ("int", "'int' is quoted: write the class itself"),
        (list["Line"], "'Line' is quoted: write the class itself"),
        (T, "`~T` is a free type variable: write the class with its argument, such as `Box[int]`"),
        (Data, "`Data` can't be stored: make it an attrs class (`@attrs.define`, the fields stay as they are)"),
        (Struct, "`Struct` can't be stored: make it an attrs class (`@attrs.define`, the fields stay as they are)"),
        (Dict, "`Dict` can't be stored: make it an attrs class (`@attrs.define`, the fields stay as they are)"),
        (Tuple, "`Tuple` can't be stored: make it an attrs class (`@attrs.frozen`), or write `tuple[X, Y]`"),
        (Proto, "`Proto` can't be stored: a Protocol has no values of its own; write the classes that implement it"),
        (Plain, "`Plain` can't be stored: write an attrs class (`@attrs.define`) with the fields to keep"),
        (Text, "`Text` can't be stored: it would be read back as a plain str; write `str`"),
        (
            Mixed,
            "`Mixed` can't be stored: an Enum is stored by its values, which must all be str, or int of 64 bits; "
            "give it such values",
        ),
        (
            Empty,
            "`Empty` can't be stored: an Enum is stored by its values, which must all be str, or int of 64 bits; "
            "give it such values",
        ),
        (Literal[b"a"], "`Literal[b'a']` can't be stored: write a Literal of str, bool, or int of 64 bits"),
        (dict[float, int], f"`float` can't be the key of a dict: {KEYS}"),
        (dict[tuple[int, ...], int], f"`tuple[int, ...]` can't be the key of a dict: {KEYS}"),
        (set[list[int]], "`list[int]` can't be in a set, as it has no hash: write `list[list[int]]`"),
        (set[Line], "`Line` can't be in a set, as it has no hash: write `list[Line]`"),
        (
            int | str,
            "`int | str` can't be read back: its members look alike in JSON; members of a union are attrs classes "
            "with @message names, which `int`, `str` are not; write one type, or make each member a class with "
            "@message('<namespace>/<name>')",
        ),
        (
            list[Added | Line],
            "`Added | Line` can't be read back: its members look alike in JSON; "
            "members of a union are attrs classes with @message names, which `Line` is not; write one "
            "type, or make each member a class with @message('<namespace>/<name>')",
        ),
        (
            Grows[int],
            "`Grows[int]` contains ever larger types of itself; write out one of them",
        ),
    ],
    ids=str,
)
def test_the_error_says_what_to_write_instead(annotation: Any, problem: str) -> None:
    with pytest.raises(UnstorableTypeError) as caught:
        codec_for(annotation)

    assert str(caught.value) == problem
    assert caught.value.problems == (problem,)


def test_all_problems_of_a_class_are_reported_at_once() -> None:
    with pytest.raises(UnstorableTypeError) as caught:
        codec_for(dict[str, Worse])

    assert [re.split(": ['`]", problem)[0] for problem in caught.value.problems] == [
        "Worse.bad: Bad.a",
        "Worse.bad: Bad.b",
        "Worse.bad: Bad.d",
        "Worse.bad: Bad.e",
        "Worse.bad: Bad.f: Box.content",
        "Worse.bad: Bad.f: Box.more",
    ]


def test_an_attribute_without_an_annotation_is_reported() -> None:
    nameless = attrs.make_class("Nameless", {"x": attrs.field()})

    with pytest.raises(UnstorableTypeError) as caught:
        codec_for(nameless)

    assert str(caught.value) == "Nameless.x: has no annotation; write `x: <type>`"


def test_a_name_that_does_not_exist_yet_is_looked_up_again() -> None:
    with pytest.raises(UnresolvedNameError) as caught:
        codec_for(Waiting)

    assert str(caught.value) == (
        "Waiting.later: name 'Later' is not defined: define it at the top level of tests.types.test_annotations, "
        "outside `if TYPE_CHECKING:`"
    )

    globals()["Later"] = Line
    try:
        assert isinstance(codec_for(Waiting), Codec)
    finally:
        del globals()["Later"]


def test_two_classes_under_one_name_can_not_be_in_one_union() -> None:
    @message("other/added")
    class Twin:
        pass

    with pytest.raises(UnstorableTypeError) as caught:
        codec_for(list[AlsoAdded | Twin])

    assert caught.value.problems[0].endswith("has two classes named 'other/added': give one of them another name")
