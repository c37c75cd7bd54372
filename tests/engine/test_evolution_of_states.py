"""Changes of a state's type are found at the start, with counts, an example and a remedy."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum
from typing import Any as Untyped
from typing import Literal

import attrs
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from statefun_actors import message
from statefun_actors.dispatch import Application
from statefun_actors.engine import Check, Engine, IncompatibleStateError, LossRefusedError, ManualClock
from statefun_actors.types import pack
from tests.engine.engines import running, send
from tests.engine.evolving import Color, Colour, Day, DayWithDefault, found, stored, thing


@attrs.frozen
class DayWithMean:
    beats: int
    mean: float


@attrs.frozen
class DayRenamed:
    pulses: int = 0


@attrs.frozen
class DayChecked:
    beats: int = attrs.field(validator=attrs.validators.ge(10))


@attrs.frozen
class DayOfFloats:
    beats: float


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


async def test_a_renamed_attribute_inside_a_state_is_reported() -> None:
    store = await stored(thing(dict[str, Day], {"x": Day(5)}))

    assert found(store, thing(dict[str, DayRenamed])) == (
        [],
        [
            "test/thing: in state 'held', 'beats' was removed, while 'pulses' was added; "
            "2 entities, test/thing/a first, hold it, at `$['x'].beats`. Keep the old name."
        ],
    )


KEEP = "Keep the old type, or declare a field of another name and fill it in a handler."


@pytest.mark.parametrize(
    ("old", "value", "new", "loss"),
    [
        (
            dict[str, int],
            {"beats": 5, "weight": 6},
            Day,
            "keys of a dict[str, int] that {beats: int} lacks are dropped; "
            f"2 entities, test/thing/a first, hold it, at `$['weight']`. {KEEP}",
        ),
        (
            list[str],
            ["abcd"],
            list[bytes],
            "a value of type str is read as bytes, which has another meaning; "
            f"2 entities, test/thing/a first, hold it, at `$[0]`. {KEEP}",
        ),
        (
            dict[str, bytes],
            {"x": b"abc"},
            dict[str, str],
            "a value of type bytes is read as str, which has another meaning; "
            f"2 entities, test/thing/a first, hold it, at `$['x']`. {KEEP}",
        ),
        (
            dict[str, int],
            {"2026-01-01": 1},
            dict[date, int],
            "a value of type str is read as date, which has another meaning; "
            f"2 entities, test/thing/a first, hold it, at `$ (key)`. {KEEP}",
        ),
        (
            tuple[Day, int],
            (Day(2**53 + 1), 1),
            tuple[DayOfFloats, int],
            "an int is read as float, which can't hold all its digits; "
            f"2 entities, test/thing/a first, hold it, at `$[0].beats`. {KEEP}",
        ),
        (
            date,
            date(2026, 1, 1),
            datetime,
            "a value of type date is read as datetime, which has another meaning; "
            f"2 entities, test/thing/a first, hold it, at `$`. {KEEP}",
        ),
        (
            list[Circle | Oval],
            [Oval(1)],
            list[Circle],
            "a member of test/circle | test/oval is read as {radius: int}, whichever it is; "
            "2 entities, test/thing/a first, hold it, at `$[0]`. Keep the union.",
        ),
    ],
)
async def test_a_value_that_a_changed_type_reads_as_something_else_is_reported_and_a_strict_start_refuses_it(
    old: Untyped, value: object, new: Untyped, loss: str
) -> None:
    store = await stored(thing(old, value))
    text = f"test/thing: in state 'held', {loss}"

    assert found(store, thing(new)) == ([], [text])
    assert found(store, thing(new, field={"convert": lambda _: None})) == ([], [text])
    with pytest.raises(LossRefusedError) as raised:
        Engine(Application(thing(new)), store, ManualClock(), check_changes=Check(strict=True))
    assert [str(each) for each in raised.value.losses] == [text]


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
