"""Changes inside a type are found at the start, with counts, an example and a remedy."""

from __future__ import annotations

import logging
from enum import Enum
from typing import Any as Untyped
from typing import Literal

import attrs
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from statefun_actors import Address, DeadLetter, Entity, handles, message, persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import (
    Check,
    Engine,
    IncompatibleStateError,
    LossRefusedError,
    ManualClock,
    SystemClock,
    find_changes,
)
from statefun_actors.functions import StatefulFunctions
from statefun_actors.store import MemoryStore
from statefun_actors.types import pack
from tests.engine.engines import running, send


def thing(annotation: Untyped, value: object = None, takes: Untyped = int, **more: Untyped) -> type[Entity]:
    """``test/thing`` with one field, ``held``, which becomes *value* with each message."""

    def take(self: Untyped, message: object) -> None:
        self.held = value

    decorate: Untyped = handles(takes)
    namespace = {
        "__annotations__": {"held": annotation | None, **more.pop("annotations", {})},
        "__module__": __name__,
        "__qualname__": "Thing",
        "held": persisted(default=None, **more.pop("field", {})),
        "take": decorate(take),
        **more,
    }
    metaclass: Untyped = type(Entity)
    made: type[Entity] = metaclass("Thing", (Entity,), namespace, typename="test/thing")
    return made


async def stored(cls: type[Entity], store: MemoryStore | None = None) -> MemoryStore:
    store = MemoryStore() if store is None else store
    async with running(cls, store=store) as engine:
        for id in ("a", "b"):
            send(engine, cls.at(id), pack(1))
        await engine.idle()
    return store


def found(store: MemoryStore, *served: object) -> tuple[list[str], list[str]]:
    """Unreadable data, and data that would be lost."""
    findings = find_changes(Application(*served), store, SystemClock().now_ms())
    return [str(each) for each in findings.unreadable], [str(each) for each in findings.losses]


@attrs.frozen
class Day:
    beats: int


@attrs.frozen
class DayWithMean:
    beats: int
    mean: float


@attrs.frozen
class DayWithDefault:
    beats: int
    mean: float = 0.0


@attrs.frozen
class DayRenamed:
    pulses: int = 0


@attrs.frozen
class DayChecked:
    beats: int = attrs.field(validator=attrs.validators.ge(10))


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Colour(Enum):
    CRIMSON = "red"
    BLUE = "blue"


class OneColor(Enum):
    BLUE = "blue"


@message("test/square")
class Square:
    side: int


@message("test/circle")
class Circle:
    radius: int


@message("test/oval")
class Oval:
    radius: int


GO_BACK = "or read the old type with persisted(..., convert=fn), or go back to the old type."


@pytest.mark.parametrize(
    ("old", "value", "new", "complaint"),
    [
        (
            dict[str, Day],
            {"x": Day(5)},
            dict[str, DayWithMean],
            "test/thing: state 'held' can't be read (2 entities, test/thing/a first): "
            "expected `float`, got nothing - at `$.x.mean`. Old type: dict[str, {beats: int}]. "
            "New type: dict[str, {beats: int, mean: float}]. Changed: [...].mean is new and has no default. "
            f"Give 'mean' a default, {GO_BACK}",
        ),
        (
            list[Color],
            [Color.RED],
            list[OneColor],
            "test/thing: state 'held' can't be read (2 entities, test/thing/a first): "
            "expected a value of `OneColor`, got 'red' - at `$[0]`. Old type: list[Literal['blue', 'red']]. "
            "New type: list[Literal['blue']]. Changed: [...] no longer has the value 'red'. "
            f"Keep a member of the value 'red', {GO_BACK}",
        ),
        (
            list[Square | Circle],
            [Circle(1)],
            list[Square | Oval],
            "test/thing: state 'held' can't be read (2 entities, test/thing/a first): "
            "expected one of test/square, test/oval, got 'test/circle' - at `$[0]['@type']`. "
            "Old type: list[test/circle {radius: int} | test/square {side: int}]. "
            "New type: list[test/oval {radius: int} | test/square {side: int}]. "
            "Changed: [...] no longer has test/circle in its union. "
            f"Keep test/circle in the union, {GO_BACK}",
        ),
        (
            list[int | None],
            [None],
            list[int],
            "test/thing: state 'held' can't be read (2 entities, test/thing/a first): "
            "expected `int`, got `None` - at `$[0]`. Old type: list[int | None]. New type: list[int]. "
            f"Changed: [...] was optional, and is not any more. Keep `| None`, {GO_BACK}",
        ),
        (
            tuple[Day, str],
            (Day(5), ""),
            tuple[DayChecked, str],
            "test/thing: state 'held' can't be read (2 entities, test/thing/a first): "
            "expected values that `DayChecked` accepts, got ValueError: 'beats' must be >= 10: 5 - at `$[0]`. "
            "Old type: tuple[{beats: int}, str]. New type: tuple[{beats: int}, str]. "
            "Changed: [0].beats has another validator <Validator for x >= 10>. "
            f"R{GO_BACK.removeprefix('or r')}",
        ),
    ],
)
async def test_a_state_that_can_not_be_read_any_more_is_one_line(
    old: Untyped, value: object, new: Untyped, complaint: str
) -> None:
    store = await stored(thing(old, value))
    before = store.recover()

    assert found(store, thing(new)) == ([complaint], [])
    with pytest.raises(IncompatibleStateError) as raised:
        Engine(Application(thing(new)), store, ManualClock())
    assert str(raised.value).splitlines()[1:] == [f"  - {complaint}", "Nothing was changed."]
    assert store.recover() == before


@pytest.mark.parametrize(
    ("old", "value", "new"),
    [
        (dict[str, Day], {"x": Day(5)}, dict[str, DayWithDefault]),
        (dict[str, DayWithDefault], {"x": DayWithDefault(5)}, dict[str, Day]),
        (list[Color], [Color.RED], list[Colour]),
        (list[Color], [Color.BLUE], list[OneColor]),
        (list[Color], [Color.RED], list[Literal["red", "blue"]]),
        (list[Square | Circle], [Square(1)], list[Square | Oval]),
        (list[int], [1], list[float]),
        (set[int], {1}, list[int]),
        (list[Day], [Day(50)], list[DayChecked]),
    ],
)
async def test_a_change_that_does_no_harm_starts(old: Untyped, value: object, new: Untyped) -> None:
    store = await stored(thing(old, value))

    assert found(store, thing(new)) == ([], [])
    async with running(thing(new), store=store):
        pass


async def test_a_convert_that_is_dropped_too_early_is_refused() -> None:
    store = await stored(thing(int, 5))
    converting = thing(str, field={"convert": lambda _: "five"})
    async with running(converting, store=store) as engine:
        send(engine, converting.at("c"), pack(1))
        await engine.idle()

    (complaint,), losses = found(store, thing(str))

    assert "state 'held' can't be read (2 entities, test/thing/a first): it is stored as" in complaint
    assert not losses


async def test_a_convert_that_fails_is_refused() -> None:
    store = await stored(thing(int, 5))

    (complaint,), _ = found(store, thing(str, field={"convert": lambda stored: stored.value.decode("ascii")[5:][9]}))

    assert "convert= raised" in complaint
    assert complaint.endswith("Correct its convert=, or go back to the old type.")


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


async def test_a_renamed_attribute_inside_a_state_is_reported() -> None:
    store = await stored(thing(dict[str, Day], {"x": Day(5)}))

    assert found(store, thing(dict[str, DayRenamed])) == (
        [],
        [
            "test/thing: in state 'held', 'beats' was removed, while 'pulses' was added; "
            "2 entities, test/thing/a first, hold it, at `$['x'].beats`. Keep the old name."
        ],
    )


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


# --- protobuf


def protobuf(*fields: tuple[str, int, str]) -> Untyped:
    """The class of ``test.Beat`` with these fields: name, number, type."""
    file = descriptor_pb2.FileDescriptorProto(name="beat.proto", package="test", syntax="proto3")
    described = file.message_type.add(name="Beat")
    for name, number, kind in fields:
        field = descriptor_pb2.FieldDescriptorProto
        described.field.add(name=name, number=number, type=field.Type.Value(f"TYPE_{kind}"), label=field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file) if hasattr(pool, "Add") else pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("test.Beat"))


@pytest.mark.parametrize("nested", [False, True])
async def test_a_protobuf_field_of_another_type_is_refused_though_protobuf_would_skip_it(nested: bool) -> None:
    old, new = protobuf(("id", 1, "INT64"), ("at", 2, "STRING")), protobuf(("id", 1, "INT64"), ("at", 2, "INT64"))
    wide = protobuf(("id", 1, "INT64"), ("at", 2, "BYTES"), ("more", 3, "BOOL"))
    value = old(id=1, at="noon")
    many: Untyped = list
    kinds = [many[each] if nested else each for each in (old, new, wide)]
    store = await stored(thing(kinds[0], [value] if nested else value))

    (complaint,), losses = found(store, thing(kinds[1]))

    at = "$[0].at" if nested else "$.at"
    assert f"the field number 2 was string, is int64 - at `{at}`." in complaint
    assert "Give the new field a number of its own, or" in complaint
    assert not losses
    assert found(store, thing(kinds[2])) == ([], [])


async def test_a_protobuf_field_of_another_number_is_reported() -> None:
    old, new = protobuf(("at", 2, "STRING")), protobuf(("at", 3, "STRING"))
    store = await stored(thing(old, old(at="noon")))

    assert found(store, thing(new)) == (
        [],
        [
            "test/thing: in state 'held', the field number 2 was removed, while others were added; "
            "2 entities, test/thing/a first, hold it, at `$.at`. Keep the old name."
        ],
    )


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
