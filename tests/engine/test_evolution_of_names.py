"""What is stored under names that no class has any more is found at the start: fields, types, messages."""

from __future__ import annotations

import logging
from typing import Any as Untyped

import pytest

from statefun_actors import DeadLetter, Entity, handles, message, persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import Check, Engine, LossRefusedError, ManualClock
from statefun_actors.functions import StatefulFunctions
from statefun_actors.store import MemoryStore
from statefun_actors.types import pack
from tests.engine.engines import running, send
from tests.engine.evolving import found, stored, thing

# --- what would be lost in silence


async def test_a_renamed_field_is_reported_with_counts_and_refused_by_strict(caplog: pytest.LogCaptureFixture) -> None:
    store = await stored(thing(int, 5))

    class Renamed(Entity, typename="test/thing"):
        kept: int = persisted(default=0)

        @handles(int)
        def take(self, message: int) -> None: ...

    class Named(Entity, typename="test/thing"):
        kept: int = persisted(default=0, name="held")

        @handles(int)
        def take(self, message: int) -> None: ...

    line = (
        "test/thing: the state 'held' was removed, while 'kept' was added; 2 entities, test/thing/a first, hold it. "
        "If it was renamed, declare persisted(name='held') on the new field."
    )
    assert found(store, Named) == ([], [])
    with pytest.raises(LossRefusedError) as raised:
        Engine(Application(Renamed), store, ManualClock(), check_changes=Check(strict=True))
    assert str(raised.value) == (
        "strict start refused: with these classes stored data would be left out or lost:\n"
        f"  - {line}\n"
        "Nothing was changed. Correct the classes, or start without --strict (in a program: strict=False)."
    )
    caplog.clear()
    async with running(Renamed, store=store):
        pass
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [line]


async def test_a_removed_function_type_is_reported_with_all_that_is_kept_of_it() -> None:
    functions = StatefulFunctions()

    @functions.bind("test/other")
    def other(context: Untyped, message: int) -> None: ...

    def failing(self: Untyped, message: str) -> None:
        raise ValueError("never")

    cls = thing(int, 5, fail=handles(str, on_failure=DeadLetter("test/dead", attempts=1))(failing))
    store = await stored(cls)
    async with running(cls, store=store) as engine:
        send(engine, cls.at("a"), pack("x"))
        send(engine, cls.at("a"), pack(1), delay_ms=60_000)
        await engine.idle()

    line = (
        "test/thing: nothing serves it any more; the store keeps 2 entities, 1 delayed message, 1 dead letter of it. "
        "Serve it again, or put was='test/thing' on the class that replaces it."
    )
    assert found(store, functions) == ([], [line])
    async with running(functions, store=store):
        pass
    assert found(store, functions) == ([], [line])


# --- messages


async def test_messages_timers_and_dead_letters_are_read_too() -> None:
    @message("test/beat")
    class Beat:
        at: int

    @message("test/beat")
    class BeatNow:
        at: int
        place: str

    def failing(takes: Untyped, **options: Untyped) -> Untyped:
        def later(self: Untyped, message: object) -> None:
            raise ValueError("not yet")

        decorate: Untyped = handles(takes, **options)
        return decorate(later)

    old = thing(int, later=failing(Beat))
    store = MemoryStore()
    async with running(old, store=store) as engine:
        send(engine, old.at("a"), pack(Beat(1)))
        send(engine, old.at("b"), pack(Beat(2)), delay_ms=60_000)
        await engine.settled()
    giving_up = thing(int, later=failing(Beat, on_failure=DeadLetter("test/dead", attempts=1)))
    async with running(giving_up, store=store) as engine:
        send(engine, old.at("c"), pack(Beat(3)))
        send(engine, old.at("d"), pack(Beat(4)))
        await engine.settled()

    unreadable, losses = found(store, thing(int, later=failing(BeatNow)))

    assert [line.partition(": expected")[0] for line in unreadable] == [
        "test/thing: delayed messages of type test/beat can't be read (test/thing/b)",
        "test/thing: dead-lettered messages of type test/beat can't be read (3 entities, test/thing/a first)",
    ]
    assert unreadable[0].endswith(
        ": expected `str`, got nothing - at `$.place`. Old type: {at: int}. New type: {at: int, place: str}. "
        "Changed: .place is new and has no default. Give 'place' a default, or let the old version handle them first."
    )
    assert not losses


async def test_an_unreadable_dead_letter_does_not_prevent_a_start() -> None:
    old = thing(int, takes=int)
    store = MemoryStore()
    async with running(old, store=store) as engine:
        send(engine, old.at("a"), pack("no number"))
        await engine.idle()

    assert found(store, thing(int, takes=str)) == ([], [])
