"""One batch of n messages and n batches of one end in the same states, whatever handlers do with the values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import attrs
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from hypothesis import given
from hypothesis import strategies as st

from statefun_actors import Address, Discard, Entity, Settings, handles, message, persisted
from statefun_actors.dispatch import Application, dispatch
from statefun_actors.model import Batch, Done, Invocation, State
from statefun_actors.testing import given as given_entity
from statefun_actors.types import pack
from tests.dispatch.world import VirtualHost


@attrs.define
class Line:
    sku: str
    tags: list[str] = attrs.field(factory=list)
    price: float = 0.0


@message("batches/kept")
class Kept:
    lines: list[Line] = attrs.field(factory=list)


@message("batches/do")
class Do:
    name: str


GLOBAL: list[int] = []
ELSEWHERE: list[Any] = []


class Anything(Entity, typename="batches/anything"):
    """Fields whose objects handlers share with each other and with code outside."""

    ints: list[int] = persisted(factory=list)
    other: list[int] = persisted(factory=list)
    ratio: float = persisted(default=0)
    ratios: list[float] = persisted(factory=list)
    lines: list[Line] = persisted(factory=list)
    by_sku: dict[str, Line] = persisted(factory=dict)
    pair: tuple[Line, float] | None = persisted(default=None)
    kept: Kept | Do | None = persisted(default=None)
    deep: dict[str, list[list[int]]] = persisted(factory=dict)
    peer: Address | None = persisted(default=None)
    mask: FieldMask | None = persisted(default=None)
    due: datetime | None = persisted(default=None)
    log: list[str] = persisted(factory=list)

    @handles
    def do(self, message: Do) -> None:
        DEEDS[message.name](self)
        # What comes of it must be the same in the next message, too.
        self.log.append(f"{self.ratio} {self.ratios} {self.due} {type(self.peer).__name__} {self.peer!r}")


def deed(name: str) -> Callable[[Callable[[Any], object]], Callable[[Any], object]]:
    def register(function: Callable[[Any], object]) -> Callable[[Any], object]:
        DEEDS[name] = function
        return function

    return register


DEEDS: dict[str, Callable[[Any], object]] = {}


class Lists(Entity, typename="batches/lists"):
    """Fields whose values have no mutable parts, and are checked by a shorter way."""

    ints: list[int] = persisted(factory=list)
    other: list[int] = persisted(factory=list)
    pair: list[int] | None = persisted(default=None)
    count: int = persisted(default=0)

    @handles
    def do(self, message: Do) -> None:
        DEEDS[message.name](self)
        self.count += len(self.other)


LISTS = (
    *("one list in two fields", "grow", "a list of the module", "grow that of the module"),
    *("lend a list", "grow what was lent", "delete", "read"),
)


@deed("one list in two fields")
def one_list_in_two_fields(self: Anything) -> None:
    self.ints = self.other = [1]


@deed("grow")
def grow(self: Anything) -> None:
    self.ints.append(2)


@deed("a list of the module")
def a_list_of_the_module(self: Anything) -> None:
    self.other = GLOBAL
    GLOBAL.append(1)


@deed("grow that of the module")
def grow_that_of_the_module(self: Anything) -> None:
    GLOBAL.append(3)


@deed("lend a list")
def lend_a_list(self: Anything) -> None:
    ELSEWHERE.append(self.ints)


@deed("grow what was lent")
def grow_what_was_lent(self: Anything) -> None:
    for each in ELSEWHERE:
        if isinstance(each, FieldMask):
            each.paths.append("b")
        else:
            each.append(4)


@deed("an int for a float")
def an_int_for_a_float(self: Anything) -> None:
    self.ratio = 7
    self.ratios.append(7)


@deed("one line in three places")
def one_line_in_three_places(self: Anything) -> None:
    line = Line("pen")
    self.lines.append(line)
    self.lines.append(line)
    self.by_sku["pen"] = line
    self.pair = (line, 1)
    self.kept = Kept([line])


@deed("change a line")
def change_a_line(self: Anything) -> None:
    if self.lines:
        self.lines[0].tags.append("x")
        self.lines[0].price += 1
    if isinstance(self.kept, Kept):
        self.kept.lines[0].sku += "!"


@deed("one row twice")
def one_row_twice(self: Anything) -> None:
    row = [1]
    self.deep["a"] = [row, row]


@deed("change a row")
def change_a_row(self: Anything) -> None:
    for rows in self.deep.values():
        rows[0].append(5)


@deed("an address that knows its class")
def an_address_that_knows_its_class(self: Anything) -> None:
    self.peer = Anything.at("b")


@deed("a message of protobuf")
def a_message_of_protobuf(self: Anything) -> None:
    self.mask = FieldMask(paths=["a"])
    ELSEWHERE.append(self.mask)


@deed("a zone")
def a_zone(self: Anything) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    self.due = (self.due or datetime(2026, 3, 28, 2, 30, tzinfo=berlin)) + timedelta(days=1)


@deed("delete")
def delete(self: Anything) -> None:
    del self.ints
    self.pair = None


@deed("read")
def read(self: Anything) -> None:
    assert repr(self)


GUARDED = Settings(on_failure=Discard())


async def run(app: Application, batches: list[list[str]]) -> dict[str, str]:
    """What *batches* of deeds end in: the repr of each state as it is read back."""
    GLOBAL.clear()
    ELSEWHERE.clear()
    [(typename, served)] = app.served.items()
    fields = {field.name: field for field in served.function.persisted}
    state: State = dict.fromkeys(fields)
    for names in batches:
        invocations = [Invocation(pack(Do(name)), None) for name in names]
        outcome = await dispatch(Batch(Address(typename, "a"), state, invocations), app, VirtualHost())
        assert isinstance(outcome, Done), outcome
        state = {**state, **outcome.changes}
    return {name: repr(stored and fields[name].read("", stored)) for name, stored in state.items()}


@pytest.mark.parametrize("guarded", [False, True], ids=["plain", "with a policy"])
@given(names=st.lists(st.sampled_from(sorted(DEEDS)), min_size=2, max_size=8))
def test_handlers_that_share_objects(guarded: bool, names: list[str]) -> None:
    app = Application(Anything, settings=GUARDED if guarded else None)

    assert asyncio.run(run(app, [names])) == asyncio.run(run(app, [[name] for name in names]))


@pytest.mark.parametrize("guarded", [False, True], ids=["plain", "with a policy"])
@given(names=st.lists(st.sampled_from(LISTS), min_size=2, max_size=8))
def test_handlers_that_share_lists_without_mutable_parts(guarded: bool, names: list[str]) -> None:
    app = Application(Lists, settings=GUARDED if guarded else None)

    assert asyncio.run(run(app, [names])) == asyncio.run(run(app, [[name] for name in names]))


SHARED = Line("shared")


class Defaults(Entity, typename="batches/defaults"):
    lines: list[Line] = persisted(factory=lambda: [SHARED])
    ratios: list[float] = persisted(factory=lambda: [0])
    pair: tuple[float, ...] = persisted(default=(0,))

    @handles
    def do(self, message: Do) -> str:
        self.lines[0].sku += "!"
        return f"{self.lines[0].sku} {self.ratios} {self.pair}"


def test_a_default_is_read_as_it_would_be_read_back_and_shares_nothing() -> None:
    for _ in range(2):
        result = given_entity(Defaults, "a").when(Do("x"))
        assert result.reply == "shared! [0.0] (0.0,)"
    assert Line("shared") == SHARED


@message("batches/part")
class Part:
    made: ClassVar[int] = 0
    number: int

    def __attrs_post_init__(self) -> None:
        Part.made += 1


@message("batches/parts")
class Parts:
    parts: list[Part]


class Keeper(Entity, typename="batches/keeper"):
    parts: list[Part] = persisted(factory=list[Part])

    @handles
    def keep(self, message: Parts) -> None:
        self.parts = message.parts


async def test_a_field_that_is_set_to_a_part_of_the_message_is_not_read_back_after_each_message() -> None:
    app, argument, made = Application(Keeper), pack(Parts([Part(1)])), []
    for messages in (1, 20):
        invocations = [Invocation(argument, None) for _ in range(messages)]
        before = Part.made
        outcome = await dispatch(
            Batch(Address("batches/keeper", "a"), {"parts": None}, invocations), app, VirtualHost()
        )
        assert isinstance(outcome, Done)
        made.append(Part.made - before)

    assert made[1] - made[0] == 19  # one for each further message
