"""What a changed type reads is what was stored, or an error, or a reported damage, wherever it is nested."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any as Untyped
from typing import Final, Generic, Literal, TypeVar
from uuid import UUID

import attrs
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from statefun_actors import Address, message
from statefun_actors.types import FormChanges, codec_for, form_of

T = TypeVar("T")


class Kind(Enum):
    TEXT = "abcd"
    DATE = "2026-01-01"


class Number(Enum):
    ONE = 1


@attrs.frozen
class Pair:
    a: int
    b: int = 0


@attrs.frozen
class Other:
    a: int
    c: int = 0


@message("test/left")
class Left:
    a: int


@message("test/right")
class Right:
    a: int


@attrs.frozen
class Box(Generic[T]):
    content: T


TEXTS: Final = ("abcd", "2026-01-01", "2026-01-01T09:00:00Z", "PT5S", "1.50", "12345678-1234-5678-1234-567812345678")
VALUES: Final[list[tuple[Untyped, object]]] = [
    (bool, True),
    (int, 1),
    (int, 2**53 + 1),
    (float, 1.0),
    *((str, text) for text in TEXTS),
    (bytes, b"hello"),
    (bytes, bytes.fromhex("d76df8")),  # its base64 is 1234
    (date, date(2026, 1, 1)),
    (datetime, datetime(2026, 1, 1, 9, tzinfo=UTC)),
    (timedelta, timedelta(seconds=5)),
    (Decimal, Decimal(1234)),
    (UUID, UUID(TEXTS[-1])),
    (Address, Address("a/b", "c")),
    (Kind, Kind.TEXT),
    (Kind, Kind.DATE),
    (Number, Number.ONE),
    (Literal["abcd", 1], "abcd"),
    (dict[str, int], {"a": 1}),
    (dict[str, int], {"a": 1, "x": 2}),
    (dict[str, str], {"2026-01-01": "abcd"}),
    (dict[date, bytes], {date(2026, 1, 1): b"hello"}),
    (Pair, Pair(1, 2)),
    (Other, Other(1, 2)),
    (Left | Right, Right(1)),
    (list[str], ["abcd"]),
    (tuple[str, ...], ("abcd",)),
    (tuple[bytes], (b"hello",)),
    (list[list[int]], [[2**53 + 1]]),
    (StringValue, StringValue(value="abcd")),
]
KINDS: Final = [kind for kind, _ in itertools.groupby(VALUES, key=lambda each: each[0])]
_list: Untyped = list  # a type checker takes no variable for a type
_dict: Untyped = dict
_tuple: Untyped = tuple
_box: Untyped = Box
PLACES: Final[dict[str, tuple[Callable[[Untyped], Untyped], Callable[[object], object]]]] = {
    "top": (lambda kind: kind, lambda value: value),
    "list": (lambda kind: _list[kind], lambda value: [value]),
    "dict": (lambda kind: _dict[str, kind], lambda value: {"x": value}),
    "tuple": (lambda kind: _tuple[int, kind], lambda value: (1, value)),
    "attrs": (lambda kind: _box[kind], Box),
    "optional": (lambda kind: _list[kind | None], lambda value: [value, None]),
    "deep": (lambda kind: _dict[str, _list[_box[kind]]], lambda value: {"x": [Box(value)]}),
}


def plain(value: Untyped) -> object:
    """*value* without the classes that do not change what it says."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {plain(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if attrs.has(type(value)):
        # An attribute that the old type did not have reads as its default.
        found = {each.name: plain(getattr(value, each.name)) for each in attrs.fields(type(value))}
        return {name: each for name, each in found.items() if each != 0}
    return value


@pytest.mark.parametrize("place", PLACES)
def test_what_a_changed_type_reads_in_silence_is_what_was_stored(place: str) -> None:
    kind_at, value_at = PLACES[place]
    reported = 0
    for old, value in VALUES:
        before, inside = codec_for(kind_at(old), state=True), value_at(value)
        data = before.encode(inside)
        for new in KINDS:
            now = codec_for(kind_at(new), state=True)
            if now.typename != before.typename:
                continue  # the start is refused
            try:
                read = now.decode(data, now.typename)
            except ValueError:
                continue  # the start is refused
            damaged = bool(list(FormChanges(form_of(before), form_of(now)).damage(data)))
            same = plain(read) == plain(inside)
            assert damaged or same, f"{value!r} of {old} is read as {read!r} of {new}"
            assert not damaged or old != new
            reported += damaged
    assert reported > 3


@pytest.mark.parametrize("number", [2**53 + 1, 10**400])
def test_an_int_that_a_float_cannot_hold_is_reported(number: int) -> None:
    changes = FormChanges(form_of(codec_for(list[int], state=True)), form_of(codec_for(list[float], state=True)))

    [damage] = changes.damage(b"[%d]" % number)

    assert (damage.path, damage.text) == ("[0]", "an int is read as float, which can't hold all its digits")


def test_a_union_that_became_one_class_is_reported_though_the_attributes_are_the_same() -> None:
    before, now = codec_for(list[Left | Right], state=True), codec_for(list[Left], state=True)

    [damage] = FormChanges(form_of(before), form_of(now)).damage(before.encode([Right(1)]))

    assert (damage.path, damage.text, damage.advice) == (
        "[0]",
        "a member of test/left | test/right is read as {a: int}, whichever it is",
        "Keep the union",
    )
