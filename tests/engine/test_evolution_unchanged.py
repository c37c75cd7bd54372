"""Where no type has changed nothing is read at the start; else progress is reported."""

from __future__ import annotations

from typing import Any as Untyped

import attrs

from statefun_actors import Address
from statefun_actors.dispatch import Application
from statefun_actors.engine import find_changes
from statefun_actors.store import MemoryStore
from statefun_actors.types import pack
from tests.engine.engines import running, send
from tests.engine.evolving import Color, Colour, Day, DayWithDefault, stored, thing

# --- what is read


class Unread(MemoryStore):
    """A store whose entities and messages must not be read."""

    closed = False

    def entities(self, typename: str, prefix: str = "", after: str | None = None) -> Untyped:
        assert not self.closed
        return super().entities(typename, prefix, after)

    def dead_letters(self, after: int = -1) -> Untyped:
        assert not self.closed
        return super().dead_letters(after)


async def test_nothing_is_read_if_types_are_unchanged_in_spite_of_renamed_classes() -> None:
    @attrs.frozen
    class One:
        x: int
        y: Color

    @attrs.frozen
    class Other:
        y: Colour
        x: int

    store = Unread()
    await stored(thing(list[One], [One(1, Color.RED)]), store)
    store.closed = True

    async with running(thing(list[Other]), store=store):
        pass


async def test_a_position_without_messages_is_stored() -> None:
    store = Unread()
    await stored(thing(dict[str, Day], {"x": Day(5)}), store)
    newer = thing(dict[str, DayWithDefault])
    async with running(newer, store=store) as engine:
        await engine.durable()
    store.closed = True

    async with running(newer, store=store):
        pass


async def test_progress_is_reported_while_much_is_read() -> None:
    store = MemoryStore()
    cls = thing(int, 5)
    async with running(cls, store=store) as engine:
        for number in range(5_001):
            send(engine, Address("test/thing", str(number)), pack(1))
        await engine.idle()
    reported: list[tuple[str, int]] = []

    find_changes(Application(thing(float)), store, 0, lambda what, done: reported.append((what, done)))

    assert reported == [("entities of test/thing", 5_000)]
