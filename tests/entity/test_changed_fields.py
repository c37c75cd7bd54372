"""A field is written back when its value has changed, assigned or in place, and only then."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from statefun_actors import Address, Entity, TypedValue, handles, persisted
from statefun_actors.model import StateSpec
from statefun_actors.types import pack
from tests.dispatch.world import World
from tests.entity.deeds import (
    DEEDS,
    DOUBLE,
    JSON,
    LONG,
    UNREADABLE,
    Account,
    Do,
    Guarded,
    changes,
    codec_json,
    do,
    sets,
)


async def test_only_changed_fields_are_written_back(served: type[Account]) -> None:
    world = World(served, {"balance": 5, "owner": "ada", "ratio": 0.5, "history": codec_json(["a"])})

    def touch_all(self: Account) -> None:
        self.balance += 1
        assert (self.owner, self.ratio, self.history) == ("ada", 0.5, ["a"])

    assert await changes(world, do(touch_all)) == {"balance": pack(6)}


async def test_nothing_touched_is_nothing_written(served: type[Account]) -> None:
    world = World(served, {"balance": UNREADABLE, "history": TypedValue("other/type", b"?")})

    assert await changes(world, do(lambda self: None)) == {}


async def test_changes_in_place_are_found(served: type[Account]) -> None:
    world = World(served, {"history": codec_json(["a"])})

    assert await changes(world, do(lambda self: self.history.append("b"))) == {"history": codec_json(["a", "b"])}
    assert await changes(world, do(lambda self: self.history.clear())) == {"history": codec_json([])}


async def test_changes_are_in_the_order_of_declaration(served: type[Account]) -> None:
    def all_backwards(self: Account) -> None:
        self.ratio, self.owner = 1.5, "ada"
        self.history.append("a")
        self.balance = 1

    assert list(await changes(World(served), do(all_backwards))) == ["balance", "history", "owner", "ratio"]


async def test_a_field_is_written_once_after_several_changes(served: type[Account]) -> None:
    messages = [sets("balance", number) for number in range(1, 10)]

    assert await changes(World(served), *messages) == {"balance": pack(9)}


async def test_a_value_changed_back_is_unchanged(served: type[Account]) -> None:
    world = World(served, {"balance": 5, "owner": "ada", "history": codec_json(["a"])})

    def back(self: Account) -> None:
        self.balance, self.owner = 5, "ada"
        self.history.remove("b")

    def forth(self: Account) -> None:
        self.balance, self.owner = 6, "bea"
        self.history.append("b")

    assert await changes(world, do(forth), do(back)) == {}


class Two(Account, typename="bank/two"):
    future: list[str] = persisted(factory=list)


async def test_one_object_in_two_fields_is_stored_for_each() -> None:
    def share(self: Two) -> None:
        self.history = self.future
        self.future.append("a")

    assert await changes(World(Two), do(share)) == {"history": codec_json(["a"]), "future": codec_json(["a"])}


@attrs.define
class Line:
    sku: str
    count: int = 1


@attrs.frozen
class Point:
    x: int


class Kinds(Entity, typename="bank/kinds"):
    seen: Timestamp | None = persisted(default=None)
    lines: dict[str, Line] = persisted(factory=dict)
    point: Point = persisted(default=Point(0))
    answer_to: Address | None = persisted(default=None)

    @handles
    def obey(self, message: Do) -> None:
        DEEDS[message.name](self)


async def test_values_of_users_classes_are_changed_in_place_too() -> None:
    world = World(Kinds)

    def first(self: Kinds) -> None:
        self.seen = Timestamp(seconds=5)
        self.lines["a"] = Line("a")
        self.point = Point(0)
        self.answer_to = Kinds.at("bea")

    def second(self: Kinds) -> None:
        assert self.seen is not None
        self.seen.seconds += 1
        self.lines["a"].count += 1
        assert self.point == Point(0)
        assert self.answer_to == Address("bank/kinds", "bea")

    assert list(await changes(world, do(first))) == ["seen", "lines", "point", "answer_to"]
    assert await changes(world, do(second)) == {
        "seen": pack(Timestamp(seconds=6)),
        "lines": TypedValue(JSON, b'{"a":{"count":2,"sku":"a"}}'),
    }


async def test_an_entity_may_have_no_fields() -> None:
    class Stateless(Entity, typename="bank/stateless"):
        @handles
        def obey(self, message: Do) -> None: ...

    assert await changes(World(Stateless), do(lambda self: None)) == {}


async def test_states_that_are_no_longer_declared_are_ignored(served: type[Account]) -> None:
    world = World(served)
    world.state["old"] = pack(5)

    assert await changes(world, sets("balance", 1)) == {"balance": pack(1)}


async def test_states_that_the_batch_lacks_are_asked_for_in_the_order_of_declaration(served: type[Account]) -> None:
    ran: list[int] = []

    missing = await World(served).missing({"history": None, "other": None}, do(lambda self: ran.append(1)))

    assert missing.specs == [
        StateSpec("balance", LONG),
        StateSpec("owner", "io.statefun.types/string"),
        StateSpec("ratio", DOUBLE),
    ]
    assert not ran


SPACED = TypedValue(JSON, b'[ "a" ]')  # as another SDK may write it


def changes_and_replaces(account: Account) -> None:
    account.history.append("b")
    account.history = list(account.history)


def replaces_and_changes(account: Account) -> None:
    before = account.history
    account.history = [*before, "b"]
    before.append("b")


def changes_back(account: Account) -> None:
    account.history.append("b")
    account.history = account.history[:1]


@pytest.mark.parametrize("kind", [Account, Guarded])
@pytest.mark.parametrize("stored", [SPACED, pack(["a"])])
@pytest.mark.parametrize(
    ("deed", "changes"),
    [
        (changes_and_replaces, {"history": TypedValue(JSON, b'["a","b"]')}),
        (replaces_and_changes, {"history": TypedValue(JSON, b'["a","b"]')}),
        (changes_back, {}),
    ],
)
async def test_a_change_is_found_whether_the_old_value_was_changed_or_replaced(
    kind: type[Account], stored: TypedValue, deed: Callable[[Account], None], changes: dict[str, TypedValue]
) -> None:
    world = World(kind, {"history": stored})

    assert (await world.done(do(deed))).changes == changes
