"""Sends are checked at the call: a value that no store or wire can hold is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import Enum

import pytest

from statefun_actors import (
    Address,
    Context,
    DefinitionError,
    Entity,
    KafkaRecord,
    KinesisRecord,
    StatefulFunctions,
    TypedValue,
    handles,
    kafka_record,
    persisted,
)
from statefun_actors.compat.statefun3.kafka_egress_pb2 import KafkaProducerRecord
from statefun_actors.model import LARGEST_VALUE, Cancel, Egress, Send, SendAfter
from tests.dispatch.world import World, text_of

HALF = "half \ud800 of a pair"
SHOWN = r"'half \ud800 of a pair'"
OTHER = Address("test/other", "x")
LARGE = TypedValue("test/large", bytes(LARGEST_VALUE + 1))
FITS = TypedValue("test/large", bytes(LARGEST_VALUE))
TOO_LARGE = "ValueMismatchError: expected a value of at most 900,000,000 bytes, got one of 900,000,001 (test/large)"
NO_TEXT = f"text that UTF-8 can encode, got {SHOWN}, which holds a lone surrogate"

TOPIC = (
    "a name that Kafka allows for a topic (1 to 249 of the characters A-Z, a-z, 0-9, `.`, `_` and `-`; not `.` or `..`)"
)


class Text(str):
    """A subclass, which no encoder takes for a string."""

    __slots__ = ()


class Color(str, Enum):  # noqa: UP042 - what older code has
    RED = "test/red"


class Data(bytes):
    pass


class Sender(Entity, typename="test/sender"):
    """Calls the function that the test has set."""

    text: str = persisted(default="")

    @handles(int)
    def run(self, message: int) -> None:
        ACTS[message](self)


ACTS: list[Callable[[Sender], object]] = []


async def outcome_of(act: Callable[[Sender], object]) -> World:
    ACTS[:] = [act]
    return World(Sender)


REFUSED: dict[str, tuple[Callable[[Sender], object], str]] = {
    "typename": (lambda e: e.send(OTHER, TypedValue(HALF, b"")), f"expected {NO_TEXT} - at `$.typename`"),
    "typename later": (
        lambda e: e.send_after(1, OTHER, TypedValue(HALF, b"")),
        f"expected {NO_TEXT} - at `$.typename`",
    ),
    "typename out": (
        lambda e: e.send_egress("test/out", TypedValue(HALF, b"")),
        f"expected {NO_TEXT} - at `$.typename`",
    ),
    "typename back": (lambda e: e.reply(TypedValue(HALF, b"")), f"expected {NO_TEXT} - at `$.typename`"),
    "no typename": (
        lambda e: e.send(OTHER, TypedValue("", b"")),
        "expected a TypedValue whose typename is a non-empty `str`, got ''",
    ),
    "typename of another type": (
        lambda e: e.send(OTHER, TypedValue(5, b"")),  # type: ignore[arg-type]
        "expected a TypedValue whose typename is a non-empty `str`, got 5",
    ),
    "value of another type": (
        lambda e: e.send(OTHER, TypedValue("test/x", "text")),  # type: ignore[arg-type]
        "expected a TypedValue whose value is `bytes`, got `str`",
    ),
    "id": (lambda e: e.send(Address("test/other", HALF), 1), f"expected an id that UTF-8 can encode, got {SHOWN}"),
    "function type": (
        lambda e: e.send(Address(f"test/{HALF}", "x"), 1),
        rf"expected a function type that UTF-8 can encode, got 'test/{SHOWN[1:]}",
    ),
    "token": (
        lambda e: e.send_after(1, OTHER, 1, cancellation_token=HALF),
        f"expected a cancellation token that UTF-8 can encode, got {SHOWN}",
    ),
    "cancelled token": (
        lambda e: e.cancel(HALF),
        f"expected a cancellation token that UTF-8 can encode, got {SHOWN}",
    ),
    "own egress": (
        lambda e: e.send_egress("statefun-actors/partition-1", 1),
        "expected an egress outside of the namespace statefun-actors, which is this library's, got "
        "'statefun-actors/partition-1'",
    ),
    "egress": (
        lambda e: e.send_egress(f"test/{HALF}", 1),
        f"expected an egress's name that UTF-8 can encode, got 'test/{SHOWN[1:]}",
    ),
    "topic": (
        lambda e: e.send_egress("test/out", kafka_record(topic=HALF, value=b"")),
        f"expected {NO_TEXT} - at `topic`",
    ),
    "key": (
        lambda e: e.send_egress("test/out", kafka_record(topic="t", key=HALF, value=b"")),
        f"expected {NO_TEXT} - at `key`",
    ),
    "topic of a record made by hand": (
        lambda e: e.send_egress("test/out", KafkaRecord(HALF, b"")),
        f"expected {NO_TEXT} - at `topic`",
    ),
    "impossible topic of a record made by hand": (
        lambda e: e.send_egress("test/out", KafkaRecord("a\0b", b"")),
        rf"expected {TOPIC}, got 'a\x00b' - at `topic`",
    ),
    "impossible topic of a protobuf message": (
        lambda e: e.send_egress("test/out", KafkaProducerRecord(topic="a b", value_bytes=b"")),
        f"expected {TOPIC}, got 'a b' - at `topic`",
    ),
    "stream of a record made by hand": (
        lambda e: e.send_egress("test/out", KinesisRecord(HALF, "k", b"")),
        f"expected {NO_TEXT} - at `stream`",
    ),
    "delay": (
        lambda e: e.send_after(timedelta.max, OTHER, 1),
        "expected a delay of at most 365,250 days, got datetime.timedelta(days=999999999, seconds=86399, "
        "microseconds=999999)",
    ),
    "delay in seconds": (
        lambda e: e.send_after(1e300, OTHER, 1),
        "expected a delay of at most 365,250 days, got 1e+300",
    ),
    "field": (lambda e: setattr(e, "text", HALF), f"FieldMismatchError: Sender.text: expected {NO_TEXT}"),
    "size": (lambda e: e.send(OTHER, LARGE), TOO_LARGE),
    "size later": (lambda e: e.send_after(1, OTHER, LARGE), TOO_LARGE),
    "size out": (lambda e: e.send_egress("test/out", LARGE), TOO_LARGE),
    "size back": (lambda e: e.reply(LARGE), TOO_LARGE),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_value_that_no_store_can_hold_fails_its_message(what: str) -> None:
    act, text = REFUSED[what]
    world = await outcome_of(act)

    failed = await world.failed(0)

    assert text_of(failed.error) == (text if "Error: " in text else f"ValueMismatchError: {text}")


async def test_a_value_of_the_largest_size_is_accepted() -> None:
    world = await outcome_of(lambda e: e.send(OTHER, FITS))

    assert await world.effects(0) == [Send(OTHER, FITS)]


async def test_subclasses_of_str_and_bytes_go_on_as_what_they_hold() -> None:
    def act(e: Sender) -> None:
        target = Address(Text("test/other"), Text("x"))
        e.send(target, TypedValue(Color.RED, Data(b"d")))
        e.send_after(1, target, TypedValue(Text("test/é"), b""), cancellation_token=Text("t"))
        e.cancel(Text("t"))
        e.send_egress(Text("test/out"), TypedValue("test/x", Data(b"d")))

    world = await outcome_of(act)
    effects = await world.effects(0)

    assert effects == [
        Send(OTHER, TypedValue("test/red", b"d")),
        SendAfter(OTHER, TypedValue("test/é", b""), 1_000, "t"),
        Cancel("t"),
        Egress("test/out", TypedValue("test/x", b"d")),
    ]
    texts: list[object] = []
    for effect in effects:
        match effect:
            case Send(target, value) | SendAfter(target, value):
                texts += [*target, value.typename, value.value]
            case Egress(egress, value):
                texts += [egress, value.typename, value.value]
            case Cancel(token):
                texts.append(token)
    assert {type(text) for text in texts} == {str, bytes}


async def test_the_typename_of_an_undeclared_state_is_checked() -> None:
    functions = StatefulFunctions()

    def assign(context: Context, message: int) -> None:
        context["count"] = TypedValue(HALF, b"")

    functions.register("test/assign", assign)
    world = World(functions)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    world.state["count"] = None

    failed = await world.failed(0)

    assert text_of(failed.error) == f"ValueMismatchError: expected {NO_TEXT} - at `$.typename`"


def test_the_name_of_a_functions_state_is_checked_where_it_is_bound() -> None:
    with pytest.raises(DefinitionError) as raised:
        StatefulFunctions().register("test/f", lambda context, message: None, states={HALF: int})

    assert str(raised.value).endswith(
        f"(test/f): the name of a state is a non-empty string that UTF-8 can encode, got {SHOWN}"
    )
