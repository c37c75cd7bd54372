"""Which handler takes a message: by its typename alone, primitives and protobuf and everything else."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, NewType, Optional, Union

import pytest
from google.protobuf import any_pb2, wrappers_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.type_pb2 import EnumValue

from statefun_actors import Address, DefinitionError, Entity, TypedValue, handles, message
from statefun_actors.types import pack
from tests.dispatch.world import World, text_of

message("taker/mask")(EnumValue)

Id = NewType("Id", str)


@message("taker/one")
class One:
    number: int


@message("taker/two")
class Two:
    text: str


class Color(Enum):
    RED = "red"


GOT: list[tuple[str, object]] = []


class Taker(Entity, typename="taker/taker"):
    @handles(One, Two)
    def both(self, message: One | Two) -> None:
        GOT.append(("both", message))

    @handles
    def numbers(self, message: Union[int, float]) -> None:  # noqa: PYI041, UP007
        GOT.append(("numbers", message))

    @handles
    def text(self, message: Id) -> None:
        GOT.append(("text", message))

    @handles
    def flag(self, message: "bool") -> None:  # noqa: UP037
        GOT.append(("flag", message))

    @handles(Timestamp)
    def moment(self, message: Annotated[Timestamp, "when"]) -> None:
        GOT.append(("moment", message))

    @handles
    def mask(self, message: EnumValue) -> None:
        GOT.append(("mask", message))

    @handles
    def json(self, message: list[int]) -> None:
        GOT.append(("json", message))

    @handles(bytes)
    def data(self, message) -> None:  # type: ignore[no-untyped-def]
        GOT.append(("data", message))


class All(Entity, typename="taker/all"):
    @handles(int)
    def number(self, message: int) -> None:
        GOT.append(("number", message))

    @handles(any_pb2.Any)
    def rest(self, message: any_pb2.Any) -> None:
        GOT.append(("rest", TypedValue(message.type_url, message.value)))


async def got(kind: type[Entity], message: object) -> object:
    GOT.clear()
    await World(kind).done(message)
    return GOT[0] if len(GOT) == 1 else GOT


@pytest.mark.parametrize(
    ("sent", "name", "expected"),
    [
        (One(5), "both", One(5)),
        (Two("a"), "both", Two("a")),
        (5, "numbers", 5),
        (0, "numbers", 0),
        (1.5, "numbers", 1.5),
        ("", "text", ""),
        ("ada", "text", "ada"),
        (True, "flag", True),
        (False, "flag", False),
        (b"", "data", b""),
        (Timestamp(), "moment", Timestamp()),
        (Timestamp(seconds=5), "moment", Timestamp(seconds=5)),
        (EnumValue(name="a"), "mask", EnumValue(name="a")),
        ([1, 2], "json", [1, 2]),
        ([], "json", []),
        (TypedValue("io.statefun.types/int", b"\x0d\x05\x00\x00\x00"), "numbers", 5),
        (TypedValue("io.statefun.types/float", b"\x0d\x00\x00\x80\x3f"), "numbers", 1.0),
        (wrappers_pb2.Int32Value(value=-5), "numbers", -5),
        (wrappers_pb2.UInt64Value(value=5), "numbers", 5),
        (wrappers_pb2.DoubleValue(value=1.5), "numbers", 1.5),
        (wrappers_pb2.StringValue(value="a"), "text", "a"),
        (wrappers_pb2.BoolValue(value=True), "flag", True),
        (wrappers_pb2.BytesValue(value=b"a"), "data", b"a"),
    ],
)
async def test_a_message_goes_to_the_handler_of_its_type(sent: object, name: str, expected: object) -> None:
    assert await got(Taker, sent) == (name, expected)


async def test_a_named_protobuf_class_comes_under_its_name_alone() -> None:
    failed = await World(Taker).failed(TypedValue("type.googleapis.com/google.protobuf.EnumValue", b""))

    assert pack(EnumValue()).typename == "taker/mask"
    assert text_of(failed.error).startswith("UnhandledMessageError: taker/taker takes One, Two, int, float, str, ")


async def test_a_message_without_a_handler_fails() -> None:
    failed = await World(Taker).failed(TypedValue("other/type", b""))

    assert failed.index == 0
    assert text_of(failed.error) == (
        "UnhandledMessageError: taker/taker takes One, Two, int, float, str, bool, Timestamp, EnumValue, list[int], "
        "bytes, got other/type. "
        "Add a handler for it, or one for google.protobuf.Any, which takes every type without its own handler."
    )


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (TypedValue("taker/one", b"{"), "malformed JSON: Input data was truncated"),
        (TypedValue("taker/one", b'{"number":"a"}'), "expected `int`, got `str` - at `$.number`"),
        (TypedValue("io.statefun.types/long", b"\xff"), "malformed protobuf: a varint that does not end"),
    ],
)
async def test_bytes_that_do_not_fit_their_type_fail_their_message(sent: TypedValue, reason: str) -> None:
    failed = await World(Taker).failed(sent)

    assert text_of(failed.error) == (f"MessageDecodeError: a message of type {sent.typename} can't be read: {reason}")


@pytest.mark.parametrize(
    "sent",
    [
        TypedValue("other/type", b"\xff"),
        pack("text"),
        pack(One(5)),
        pack(Timestamp(seconds=5)),
        TypedValue("type.googleapis.com/google.protobuf.Any", b""),
        TypedValue("no-namespace", b""),
    ],
)
async def test_the_handler_of_any_takes_what_no_other_takes(sent: TypedValue) -> None:
    assert await got(All, sent) == ("rest", sent)
    assert await got(All, 5) == ("number", 5)


async def test_an_any_is_sent_as_what_it_carries() -> None:
    assert await got(All, any_pb2.Any(type_url="io.statefun.types/long", value=b"")) == ("number", 0)


async def test_wrapper_messages_of_2x_go_to_their_own_handler_first() -> None:
    class Both(Entity, typename="taker/both"):
        @handles
        def plain(self, message: str) -> None:
            GOT.append(("plain", message))

        @handles
        def wrapped(self, message: wrappers_pb2.StringValue) -> None:
            GOT.append(("wrapped", message.value))

    assert await got(Both, "a") == ("plain", "a")
    assert await got(Both, wrappers_pb2.StringValue(value="a")) == ("wrapped", "a")


async def test_one_handler_may_take_a_type_twice() -> None:
    class Twice(Entity, typename="taker/twice"):
        @handles(One, One)
        def one(self, message: One) -> None:
            GOT.append(("one", message))

    assert await got(Twice, One(1)) == ("one", One(1))
    assert World(Twice).function.taken == ("One",)


def test_a_parameter_may_be_annotated_by_a_class_above() -> None:
    from google.protobuf.message import Message

    class Wide(Entity, typename="taker/wide"):
        @handles(Timestamp, Duration)
        def times(self, message: Message) -> None: ...

        @handles(One)
        def anything(self, message: object) -> None: ...

        @handles(Two)
        def whatever(self, message: Any) -> None: ...

        @handles(str)
        def optional(self, message: Optional[str]) -> None: ...  # noqa: UP045

    assert World(Wide).function.taken == ("Timestamp", "Duration", "One", "Two", "str")


def test_other_values_can_be_messages_too() -> None:
    class Others(Entity, typename="taker/others"):
        @handles
        def color(self, message: Color) -> None: ...

    class Moments(Entity, typename="taker/moments"):
        @handles(datetime)
        def moment(self, message: datetime) -> None: ...

    class Addresses(Entity, typename="taker/addresses"):
        @handles
        def subscribe(self, message: Address) -> None: ...

    for kind in (Others, Moments, Addresses):
        assert set(World(kind).function.handlers) == {"statefun-actors/json"}


async def test_handlers_may_be_decorated_on_either_side() -> None:
    calls: list[str] = []

    def noted(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def wrapper(*arguments: Any, **keywords: Any) -> Any:
            calls.append(method.__name__)
            return method(*arguments, **keywords)

        return wrapper

    class Decorated(Entity, typename="taker/decorated"):
        @handles
        @noted
        def below(self, message: int) -> str:
            return "plain"

        @noted
        @handles
        async def above(self, message: One) -> str:
            return "async"

    effects = await World(Decorated).effects(5, One(1))

    assert calls == ["below", "above"]
    assert [effect.value for effect in effects] == [pack("plain"), pack("async")]  # type: ignore[union-attr]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="`type X = …` is new in 3.12")
async def test_type_aliases_name_what_they_stand_for() -> None:
    namespace: dict[str, Any] = {"handles": handles, "Entity": Entity, "One": One, "Two": Two, "__name__": __name__}
    exec(
        "type Known = One | Two\n"
        "class Aliased(Entity, typename='test/aliased'):\n"
        "    @handles\n"
        "    def known(self, message: Known) -> None: ...\n",
        namespace,
    )

    assert set(World(namespace["Aliased"]).function.handlers) == {"taker/one", "taker/two"}


def test_a_handler_for_none_is_refused() -> None:
    def define() -> object:
        class Nothing(Entity, typename="taker/nothing"):
            @handles
            def nothing(self, message: None) -> None: ...

        return Nothing

    with pytest.raises(DefinitionError, match=r"a message is never None; remove `\| None`"):
        define()
