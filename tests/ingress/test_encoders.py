"""Messages from outside: their type, their JSON form, their bytes."""

from __future__ import annotations

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration

from statefun_actors import Entity, handles, message
from statefun_actors.dispatch import Application
from statefun_actors.errors import UnhandledMessageError, UnknownFunctionTypeError, ValueMismatchError
from statefun_actors.ingress import MessageEncoders, NoJsonFormError, UnclearTypeError
from statefun_actors.model import TypedValue
from statefun_actors.types import pack


@message("test/order")
class Order:
    count: int


class One(Entity, typename="test/one"):
    @handles
    def take(self, message: int) -> None: ...


class Several(Entity, typename="test/several"):
    @handles
    def take(self, message: Order | Duration | bytes) -> None: ...


class Anything(Entity, typename="test/anything"):
    @handles
    def take(self, message: Any) -> None: ...


class Silent(Entity, typename="test/silent"):
    """Takes nothing."""


APP = Application(One, Several, Anything, Silent)
DURATION = "type.googleapis.com/google.protobuf.Duration"
MIXED = TypedValue("statefun-actors/json", b'{"a":[null],"b":1}')
INT, LONG = "io.statefun.types/int", "io.statefun.types/long"


@pytest.fixture
def encoders() -> MessageEncoders:
    return MessageEncoders(APP)


@pytest.mark.parametrize(
    ("target", "typename", "obj", "value"),
    [
        ("test/one", None, 5, pack(5)),
        ("test/one", LONG, 5, pack(5)),
        ("test/one", INT, 5, pack(5)),
        ("test/several", "test/order", {"count": 1}, TypedValue("test/order", b'{"count":1}')),
        ("test/several", DURATION, "2s", pack(Duration(seconds=2))),
        ("test/several", "statefun-actors/bytes", "/w==", pack(b"\xff")),
        ("test/anything", "statefun-actors/json", {"b": 1, "a": [None]}, MIXED),
        ("test/anything", LONG, 5, pack(5)),
        ("test/anything", "test/order", {"count": 1}, TypedValue("test/order", b'{"count":1}')),
        ("test/anything", DURATION, "2s", pack(Duration(seconds=2))),
    ],
)
def test_a_message_is_made_of_its_json_form(
    encoders: MessageEncoders, target: str, typename: str | None, obj: object, value: TypedValue
) -> None:
    assert encoders.encoder(target, typename).typed(obj) == value


@pytest.mark.parametrize(
    ("target", "typename", "value"),
    [
        ("test/one", None, pack(5)),
        ("test/one", INT, TypedValue(INT, b"\x0d\x05\0\0\0")),
        ("test/several", DURATION, pack(Duration(seconds=2))),
        ("test/several", "test/order", TypedValue("test/order", b'{ "count": 1 }')),
        ("test/anything", "any/thing", TypedValue("any/thing", b"\xff")),
        ("test/anything", LONG, pack(5)),
    ],
)
def test_its_bytes_are_taken_as_they_are(
    encoders: MessageEncoders, target: str, typename: str | None, value: TypedValue
) -> None:
    assert encoders.encoder(target, typename).checked(value.value) == value


@pytest.mark.parametrize(
    ("target", "typename", "data"),
    [
        ("test/one", LONG, b"\xff"),
        ("test/one", INT, b"\x0d\x05"),
        ("test/several", DURATION, b"\xff"),
        ("test/several", "test/order", b'{"count": "x"}'),
        ("test/anything", LONG, b"\xff"),
    ],
)
def test_bytes_that_do_not_fit_are_refused(encoders: MessageEncoders, target: str, typename: str, data: bytes) -> None:
    with pytest.raises(ValueError):
        encoders.encoder(target, typename).checked(data)


@pytest.mark.parametrize(
    ("target", "typename", "error", "reported"),
    [
        (
            "test/none",
            None,
            UnknownFunctionTypeError,
            "nothing here serves 'test/none'; served are test/anything, test/one, test/several, test/silent. "
            "Add its class to the application, or correct the address.",
        ),
        (
            "test/one",
            "x/y",
            UnhandledMessageError,
            "test/one takes io.statefun.types/long, got x/y. "
            "Add a handler for it, or one for google.protobuf.Any, which takes every type without its own handler.",
        ),
        (
            "test/anything",
            "statefun-actors/request",
            UnhandledMessageError,
            "test/anything takes messages of any type, got statefun-actors/request. "
            "The namespace statefun-actors is for messages of this library itself.",
        ),
        (
            "test/several",
            None,
            UnclearTypeError,
            "test/several takes statefun-actors/bytes and test/order and "
            "type.googleapis.com/google.protobuf.Duration, so a message for it has to name its type",
        ),
        (
            "test/anything",
            None,
            UnclearTypeError,
            "test/anything takes messages of any type, so a message for it has to name its type",
        ),
        (
            "test/silent",
            None,
            UnclearTypeError,
            "test/silent takes no messages, so a message for it has to name its type",
        ),
    ],
)
def test_a_message_that_its_target_does_not_take_has_no_encoder(
    encoders: MessageEncoders, target: str, typename: str | None, error: type[Exception], reported: str
) -> None:
    with pytest.raises(error) as raised:
        encoders.encoder(target, typename)

    assert str(raised.value) == reported


def test_a_json_form_that_does_not_fit_is_refused_with_its_place(encoders: MessageEncoders) -> None:
    with pytest.raises(ValueMismatchError) as raised:
        encoders.encoder("test/several", "test/order").typed({"count": "x"})

    assert str(raised.value) == "expected `int`, got `str` - at `$.count`"


def test_an_unknown_type_has_no_json_form_and_is_not_cached(encoders: MessageEncoders) -> None:
    """A sender may invent any number of types."""
    encoder = encoders.encoder("test/anything", "any/thing")
    with pytest.raises(NoJsonFormError) as raised:
        encoder.typed({})

    assert str(raised.value) == (
        "test/anything takes messages of any type, but 'any/thing' can't be written from JSON here: its class is not "
        "known. Import its protobuf module in the application, or add a handler for its class."
    )
    assert list(encoders.known) == []


def test_an_encoder_is_looked_up_once(encoders: MessageEncoders) -> None:
    assert encoders.encoder("test/one") is encoders.encoder("test/one")
