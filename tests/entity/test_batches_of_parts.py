"""One batch of n messages and n batches of one end in the same states, for values of which references tell too little:
sets, protobuf messages with parts, objects with attributes that are not fields.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from google.protobuf.api_pb2 import Api
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.type_pb2 import Option
from hypothesis import given
from hypothesis import strategies as st

from statefun_actors import Entity, handles, persisted
from statefun_actors.dispatch import Application
from statefun_actors.testing import given as given_entity
from tests.entity.test_batches import ELSEWHERE, GUARDED, Do, run


@attrs.define
class Slotted:
    items: list[int] = attrs.field(factory=list)

    @functools.cached_property
    def total(self) -> int:
        return sum(self.items)


@attrs.define(slots=False)
class Plain:
    items: list[int] = attrs.field(factory=list)

    @functools.cached_property
    def total(self) -> int:
        return sum(self.items)


@attrs.frozen(cache_hash=True)
class Frozen:
    items: tuple[int, ...] = ()

    @functools.cached_property
    def seen(self) -> list[int]:
        return [*self.items]


@attrs.define(unsafe_hash=True, cache_hash=True)
class Hashed:
    number: int = 0


class Parts(Entity, typename="batches/parts-of-values"):
    numbers: set[int] = persisted(factory=set)
    sets: dict[str, set[int]] = persisted(factory=dict)
    kept: frozenset[int] = persisted(default=frozenset())
    rows: tuple[frozenset[int], ...] = persisted(default=())
    api: Api = persisted(factory=Api)
    options: list[Option] = persisted(factory=list)
    mask: FieldMask | None = persisted(default=None)
    slotted: Slotted = persisted(factory=Slotted)
    plain: list[Plain] = persisted(factory=lambda: [Plain()])
    frozen: Frozen = persisted(default=Frozen((1,)))
    hashed: Hashed | None = persisted(default=None)
    log: list[str] = persisted(factory=list)

    @handles
    def do(self, message: Do) -> None:
        DEEDS[message.name](self)

    def paths(self) -> Any:
        self.mask = self.mask or FieldMask(paths=["a"])
        return self.mask.paths


def assign(target: Any, name: str, value: object) -> object:
    setattr(target, name, value)
    return None


DEEDS: dict[str, Callable[[Any], object]] = {
    "add 8": lambda self: self.numbers.add(8),
    "add 0": lambda self: self.numbers.add(0),
    "discard 0": lambda self: self.numbers.discard(0),
    "add many": lambda self: self.numbers.update(range(0, 800, 8)),
    "remove many": lambda self: self.numbers.difference_update(range(16, 800, 8)),
    "pop": lambda self: self.log.append(str(self.numbers and self.numbers.pop())),
    "list": lambda self: self.log.append(f"{[*self.numbers]} {self.sets} {[*self.kept]} {self.rows}"),
    "add to a row": lambda self: self.sets.setdefault("a", {8}).add(0),
    "pop from a row": lambda self: self.log.append(str(self.sets.get("a") and self.sets["a"].pop())),
    "keep": lambda self: assign(self, "kept", frozenset([8]) | frozenset([0])),
    "keep more": lambda self: assign(self, "kept", self.kept | {16}),
    "keep rows": lambda self: assign(self, "rows", (*self.rows, self.kept, frozenset([8, 0]))),
    "one option in two fields": lambda self: self.options.append(self.api.options.add(name="n")),
    "rename an option": lambda self: self.api.options and assign(self.api.options[0], "name", "changed"),
    "change an option": lambda self: self.options and assign(self.options[0], "name", self.options[0].name + "!"),
    "name a source": lambda self: assign(self.api.source_context, "file_name", "a"),
    "lend a source": lambda self: ELSEWHERE.append(self.api.source_context),
    "change what was lent": lambda self: [assign(each, "file_name", "b") for each in ELSEWHERE],
    "lend paths": lambda self: LENT.append(self.paths()),
    "add to lent paths": lambda self: [each.append("x") for each in LENT],
    "has a source": lambda self: self.log.append(str(self.api.HasField("source_context"))),
    "add an item": lambda self: [each.items.append(len(each.items) + 1) for each in (self.slotted, *self.plain)],
    "totals": lambda self: self.log.append(f"{self.slotted.total} {[each.total for each in self.plain]}"),
    "note": lambda self: assign(self.plain[0], "note", 5),
    "notes": lambda self: self.log.append(str(getattr(self.plain[0], "note", None))),
    "see": lambda self: self.log.append(str(self.frozen.seen)),
    "see more": lambda self: self.frozen.seen.append(2),
    "freeze": lambda self: assign(self, "frozen", Frozen((3,))),
    "hash": lambda self: assign(self, "hashed", self.hashed or Hashed()) or self.log.append(str(hash(self.hashed))),
    "count": lambda self: self.hashed and assign(self.hashed, "number", self.hashed.number + 1),
}
LENT: list[Any] = []


@pytest.mark.parametrize("guarded", [False, True], ids=["plain", "with a policy"])
@given(names=st.lists(st.sampled_from(sorted(DEEDS)), min_size=2, max_size=10))
def test_handlers_that_rely_on_what_is_not_stored(guarded: bool, names: list[str]) -> None:
    assert_same(names, guarded=guarded)


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["add 8", "add 0", "pop", "list"], id="a set"),
        pytest.param(["add 8", "add 0", "discard 0", "add 0", "pop", "list"], id="a set with a gap"),
        pytest.param(["add many", "remove many", "pop", "pop", "add 8", "add 0", "list"], id="a set that was large"),
        pytest.param(["add to a row", "pop from a row", "list"], id="a set in a dict"),
        pytest.param(["keep", "list"], id="a frozenset"),
        pytest.param(["keep rows", "list"], id="a frozenset in a tuple"),
        pytest.param(["one option in two fields", "rename an option", "change an option"], id="a part in two fields"),
        pytest.param(["lend a source", "change what was lent", "has a source"], id="a part elsewhere"),
        pytest.param(["lend paths", "add to lent paths"], id="a list of a message"),
        pytest.param(["add an item", "totals", "add an item", "totals"], id="a cached property"),
        pytest.param(["note", "notes"], id="an attribute"),
        pytest.param(["freeze", "see more", "see"], id="a cached property of a frozen class"),
        pytest.param(["hash", "count", "hash"], id="a cached hash"),
    ],
)
def test_each_kind(names: list[str]) -> None:
    assert_same(names, guarded=False)


def assert_same(names: list[str], *, guarded: bool) -> None:
    app = Application(Parts, settings=GUARDED if guarded else None)
    ends = []
    for batches in ([names], [[name] for name in names]):
        LENT.clear()
        ends.append(asyncio.run(run(app, batches)))

    assert ends[0] == ends[1]


def test_what_the_code_of_a_default_keeps_is_not_shared() -> None:
    for _ in range(2):
        done = given_entity(Parts, "a").when(Do("see more"), Do("see"))
        assert done.entity.log == ["[1]"]
