"""The value of a field after a message: for the next message of its batch, and for the store."""

from __future__ import annotations

import pytest

from statefun_actors import Discard, Entity, TypedValue, handles, persisted
from statefun_actors.model import Send, State
from statefun_actors.types import pack, value_of
from tests.dispatch.world import World

BOOL, LONG = "io.statefun.types/bool", "io.statefun.types/long"


class Slots(Entity, typename="test/slots"):
    """Deletes and assigns its fields by the words of its messages."""

    number: int = persisted(default=0)
    text: str | None = persisted(default=None)
    items: list[int] = persisted(factory=list)

    @handles(str)
    def obey(self, message: str) -> int:
        match message:
            case "delete":
                del self.number, self.text, self.items
            case "assign":
                self.number, self.text, self.items = 5, "five", [5]
            case "change":
                self.items.append(6)
            case "fail":
                self.number, self.text, self.items = 13, "thirteen", [13]
                raise ValueError(message)
            case "read":
                return self.number
            case _:
                pass
        return 0


class GuardedSlots(Slots, typename="test/guarded-slots", on_failure=Discard()):
    """The same, each message settled on its own."""


BEFORE: dict[str, object] = {"number": 1, "text": "one", "items": [1]}


def shown(state: State) -> dict[str, object]:
    return {name: None if value is None else value_of(value) for name, value in state.items()}


@pytest.mark.parametrize("between", [[], ["rest"], ["read"], ["rest", "read", "rest"]])
@pytest.mark.parametrize("served", [Slots, GuardedSlots])
async def test_a_field_that_was_deleted_and_assigned_stays_assigned_in_later_messages(
    served: type[Slots], between: list[str]
) -> None:
    world = World(served, BEFORE)

    await world.done("delete", *between, "assign", *between, "rest", "change")

    assert shown(world.state) == {"number": 5, "text": "five", "items": [5, 6]}


@pytest.mark.parametrize("between", [[], ["rest"], ["read"]])
@pytest.mark.parametrize("served", [Slots, GuardedSlots])
async def test_a_field_that_was_assigned_and_deleted_stays_deleted_in_later_messages(
    served: type[Slots], between: list[str]
) -> None:
    world = World(served, BEFORE)

    await world.done("assign", *between, "delete", *between, "rest")

    assert shown(world.state) == {"number": None, "text": None, "items": None}


@pytest.mark.parametrize("first", ["delete", "assign", "change"])
async def test_a_failed_message_leaves_each_field_as_the_one_before_it_did(first: str) -> None:
    alone, together = World(GuardedSlots, BEFORE), World(GuardedSlots, BEFORE)
    for message in (first, "rest"):
        await alone.done(message)

    await together.done(first, "fail", "rest", "fail")

    assert together.state == alone.state


class Converted(Entity, typename="test/converted"):
    """Its field was a bool, whose False has the bytes of an int's 0."""

    retries: int = persisted(default=0, convert=lambda stored: 3 if value_of(stored) else 7)

    @handles(int)
    def assign(self, message: int) -> None:
        self.retries = message

    @handles(str)
    def read(self, message: str) -> int:
        return self.retries


@pytest.mark.parametrize(("stored", "number"), [(False, 0), (True, 1)])
async def test_an_assigned_value_is_stored_as_its_own_type_though_the_old_one_has_the_same_bytes(
    stored: bool, number: int
) -> None:
    world = World(Converted, {"retries": stored})
    before = world.state["retries"]
    assert before is not None
    assert before.typename == BOOL

    await world.done("read")
    await world.done(number)

    assert world.state["retries"] == pack(number) == TypedValue(LONG, pack(number).value)
    [reply] = await world.effects("read")
    assert isinstance(reply, Send)
    assert reply.value == pack(number)
