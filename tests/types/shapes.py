"""Types under test, and Hypothesis strategies for their values. Shared by the properties of this room."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag, StrEnum
from typing import Any, Generic, Literal, NewType, TypeVar
from uuid import UUID

import attrs
from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Struct
from hypothesis import strategies as st

from statefun_actors.address import Address
from statefun_actors.types import message

T = TypeVar("T")
UserId = NewType("UserId", str)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 10


class Size(StrEnum):
    SMALL = "s"
    LARGE = "l"


class Rights(IntFlag):
    READ = 1
    WRITE = 2


@attrs.define
class Line:
    sku: str
    count: int = 1
    price: Decimal | None = None


@attrs.define
class Cart:
    lines: list[Line] = attrs.field(factory=list)
    by_sku: dict[str, Line] = attrs.field(factory=dict)
    _note: str = ""


@attrs.frozen
class Point:
    x: float
    y: float


@attrs.define
class Node:
    value: int
    left: Node | None = None
    children: dict[str, Node] = attrs.field(factory=dict)


@attrs.frozen
class Box(Generic[T]):
    content: T
    more: tuple[T, ...] = ()


@message("shop/added")
class Added:
    sku: str
    count: int = 1


@message("shop/removed")
class Removed:
    sku: str
    because: Added | None = None


@message("shop/ping")
class Ping:
    pass


texts = st.text(st.characters(codec="utf-8"), max_size=12)
ints = st.integers(-(1 << 63), (1 << 63) - 1)
finite = st.floats(allow_nan=False, allow_infinity=False)
offsets = st.builds(
    lambda micros: timezone(timedelta(microseconds=micros)), st.integers(-86_399_999_999, 86_399_999_999)
)
datetimes = st.datetimes(timezones=st.none() | st.just(UTC) | offsets)
decimals = st.decimals(allow_nan=False, allow_infinity=False)
addresses = st.builds(
    lambda namespace, name, id_: Address(f"{namespace}/{name}", id_),
    texts.filter(bool),
    texts.map(lambda text: text.replace("/", "")).filter(bool),
    texts.filter(bool),
)
lines = st.builds(Line, texts, ints, st.none() | decimals)
carts = st.builds(Cart, st.lists(lines, max_size=3), st.dictionaries(texts, lines, max_size=3), note=texts)
points = st.builds(Point, finite, finite)
nodes = st.recursive(
    st.builds(Node, ints),
    lambda inner: st.builds(Node, ints, st.none() | inner, st.dictionaries(texts, inner, max_size=2)),
    max_leaves=6,
)
addeds = st.builds(Added, texts, ints)
removeds = st.builds(Removed, texts, st.none() | addeds)
durations = st.builds(Duration, seconds=st.integers(0, 315_576_000_000), nanos=st.integers(0, 999_999_999))

PRIMITIVES: dict[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: ints,
    float: st.floats(allow_nan=False),
    str: texts,
    bytes: st.binary(max_size=200),
}

SHAPES: dict[Any, st.SearchStrategy[Any]] = {
    datetime: datetimes,
    date: st.dates(),
    timedelta: st.timedeltas(),
    Decimal: decimals,
    UUID: st.uuids(),
    Address: addresses,
    Colour: st.sampled_from(Colour),
    Level: st.sampled_from(Level),
    Size: st.sampled_from(Size),
    Rights: st.builds(Rights, st.integers(0, 3)),
    Literal["a", 1, True]: st.sampled_from(["a", 1, True]),
    list[bool]: st.lists(st.booleans()),
    list[int]: st.lists(ints),
    list[float]: st.lists(finite),
    list[str]: st.lists(texts),
    list[bytes]: st.lists(st.binary(max_size=8)),
    list[int | None]: st.lists(st.none() | ints),
    list[UserId]: st.lists(texts),
    list[list[date]]: st.lists(st.lists(st.dates(), max_size=3), max_size=3),
    dict[str, int]: st.dictionaries(texts, ints),
    dict[int, str]: st.dictionaries(ints, texts),
    dict[UUID, bool]: st.dictionaries(st.uuids(), st.booleans(), max_size=3),
    dict[Colour, list[int]]: st.dictionaries(st.sampled_from(Colour), st.lists(ints, max_size=3)),
    dict[Level, str]: st.dictionaries(st.sampled_from(Level), texts),
    dict[date, float]: st.dictionaries(st.dates(), finite, max_size=3),
    dict[datetime, int]: st.dictionaries(datetimes.filter(lambda moment: moment.tzinfo is None), ints, max_size=3),
    dict[Decimal, int]: st.dictionaries(decimals, ints, max_size=3),
    dict[UserId, dict[str, str | None]]: st.dictionaries(
        texts, st.dictionaries(texts, st.none() | texts, max_size=3), max_size=3
    ),
    tuple[int, ...]: st.lists(ints).map(tuple),
    tuple[int, str, date | None]: st.tuples(ints, texts, st.none() | st.dates()),
    tuple[()]: st.just(()),
    set[str]: st.sets(texts),
    set[int]: st.sets(ints),
    frozenset[date]: st.frozensets(st.dates()),
    set[tuple[str, int]]: st.sets(st.tuples(texts, ints)),
    set[Point]: st.sets(points),
    set[bytes | None]: st.sets(st.none() | st.binary(max_size=4)),
    Line: lines,
    Cart: carts,
    Point: points,
    Node: nodes,
    Box[int]: st.builds(Box, ints, st.lists(ints).map(tuple)),
    Box[list[str]]: st.builds(Box, st.lists(texts, max_size=3)),
    list[Duration]: st.lists(durations, max_size=3),
    Added: addeds,
    Removed: removeds,
    Ping: st.just(Ping()),
    list[Added | Removed | Ping]: st.lists(addeds | removeds | st.just(Ping()), max_size=4),
    dict[str, Added | None]: st.dictionaries(texts, st.none() | addeds, max_size=3),
    Added | Removed: addeds | removeds,
}

MESSAGES: dict[Any, st.SearchStrategy[Any]] = {
    Duration: durations,
    Struct: st.builds(lambda key, value: _struct({key: value}), texts, finite | texts | st.booleans() | st.none()),
}

ALL = {**PRIMITIVES, **SHAPES, **MESSAGES}


def _struct(values: dict[str, Any]) -> Struct:
    struct = Struct()
    struct.update(values)
    return struct


def cases(table: dict[Any, st.SearchStrategy[Any]]) -> Any:
    """A strategy for (annotation, value) of all types in *table*."""
    return st.one_of([st.tuples(st.just(annotation), values) for annotation, values in table.items()])


anything: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.text(max_size=4),
        st.integers(-(1 << 70), 1 << 70),
        *ALL.values(),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=3) | ints, inner, max_size=3),
    ),
    max_leaves=8,
)
"""Values of every type, and of none."""
