"""Values on the wire: the table."""

from __future__ import annotations

from typing import Any as Untyped

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.type_pb2 import Option

from statefun_actors import Address, Context, Entity, StatefulFunctions, TypedValue, handles, message
from statefun_actors.types import pack
from tests.conformance.cases.vocabulary import PROBE, Named
from tests.conformance.engine import Engine, Start
from tests.conformance.sections import VALUES as V

GOOGLE = "type.googleapis.com/google.protobuf."
NamedOption = message("conf/option")(Option)


class Echo(Entity, typename="conf/echo"):
    """Sends on what it gets."""

    @handles(bool, int, float, str, bytes, Named, Duration, NamedOption, dict[str, int])
    def echo(self, message: Untyped) -> None:
        self.send(PROBE, message)


ECHO = Echo.at("ada")


async def travels(start: Start, value: object, in_3: tuple[str, bytes], in_2: tuple[str, bytes]) -> None:
    """*value*, handed in and sent on, is still itself, and has this typename and these bytes on the wire."""
    async with start(Echo) as engine:
        await engine.tell(ECHO, value)
        [sent] = engine.sent
        assert (sent.typename, sent.data) == (in_2 if engine.protocol == 2 else in_3)
        assert (type(sent.value), sent.value) == (type(value), value)


async def accepted(engine: Engine, in_3: list[TypedValue], in_2: list[TypedValue]) -> list[object]:
    """The values as messages of the engine's own protocol."""
    for value in in_2 if engine.protocol == 2 else in_3:
        await engine.tell(ECHO, value)
    return [sent.value for sent in engine.sent]


@V.case("V1", "bool is io.statefun.types/bool in 3.x, google.protobuf.BoolValue in 2.x")
async def booleans(start: Start) -> None:
    await travels(start, True, ("io.statefun.types/bool", b"\x08\x01"), (f"{GOOGLE}BoolValue", b"\x08\x01"))


@V.case("V2", "int is io.statefun.types/long in 3.x, google.protobuf.Int64Value in 2.x")
async def ints(start: Start) -> None:
    await travels(
        start,
        -2,
        ("io.statefun.types/long", b"\x09\xfe" + b"\xff" * 7),
        (f"{GOOGLE}Int64Value", b"\x08\xfe" + b"\xff" * 8 + b"\x01"),
    )


@V.case("V3", "a handler for int takes io.statefun.types/int in 3.x; Int32Value, UInt32Value and UInt64Value in 2.x")
async def narrow_ints(start: Start) -> None:
    async with start(Echo) as engine:
        found = await accepted(
            engine,
            [TypedValue("io.statefun.types/int", b"\x0d\x07\0\0\0")] * 3,
            [TypedValue(f"{GOOGLE}{name}Value", b"\x08\x07") for name in ("Int32", "UInt32", "UInt64")],
        )
        assert found == [7, 7, 7]


@V.case("V4", "float is io.statefun.types/double in 3.x, google.protobuf.DoubleValue in 2.x")
async def floats(start: Start) -> None:
    data = b"\x09\0\0\0\0\0\0\x04\xc0"
    await travels(start, -2.5, ("io.statefun.types/double", data), (f"{GOOGLE}DoubleValue", data))


@V.case("V5", "a handler for float takes io.statefun.types/float in 3.x, FloatValue in 2.x")
async def narrow_floats(start: Start) -> None:
    data = b"\x0d\0\0\0\x3f"
    async with start(Echo) as engine:
        wire_3, wire_2 = TypedValue("io.statefun.types/float", data), TypedValue(f"{GOOGLE}FloatValue", data)
        assert await accepted(engine, [wire_3], [wire_2]) == [0.5]


@V.case("V6", "str is io.statefun.types/string in 3.x, google.protobuf.StringValue in 2.x")
async def strings(start: Start) -> None:
    data = b"\x0a\x02\xc3\xa9"
    await travels(start, "é", ("io.statefun.types/string", data), (f"{GOOGLE}StringValue", data))


@V.case("V7", "bytes are statefun-actors/bytes, the bytes themselves, in 3.x; google.protobuf.BytesValue in 2.x")
async def raw_bytes(start: Start) -> None:
    await travels(start, b"\0\xff", ("statefun-actors/bytes", b"\0\xff"), (f"{GOOGLE}BytesValue", b"\x0a\x02\0\xff"))


@V.case("V8", "a protobuf message is type.googleapis.com/<full name>, its bytes unchanged, in both")
async def protobuf(start: Start) -> None:
    on_the_wire = (f"{GOOGLE}Duration", b"\x08\x09")
    await travels(start, Duration(seconds=9), on_the_wire, on_the_wire)


@V.case("V9", 'a protobuf class named by message("ns/name")(PbClass) travels under that name, its bytes unchanged')
async def named_protobuf(start: Start) -> None:
    async with start(Echo) as engine:
        await engine.tell(ECHO, NamedOption(name="f"))
        assert [(sent.typename, sent.data) for sent in engine.sent] == [("conf/option", b"\x0a\x01f")]


@V.case("V10", 'a class under @message("ns/name") is ns/name and JSON, in both')
async def message_classes(start: Start) -> None:
    on_the_wire = ("conf/named", b'{"numbers":[1,2],"text":"n"}')
    await travels(start, Named("n", [1, 2]), on_the_wire, on_the_wire)


@V.case(
    "V11",
    "a value of any other type is statefun-actors/json: JSON without spaces, dicts in their own order, sets sorted",
)
async def other_values(start: Start) -> None:
    async with start(Echo) as engine:
        await engine.tell(ECHO, TypedValue("statefun-actors/json", b'{"b":2, "a":1}'))
        await engine.tell(ECHO, {"b": 2, "a": 1})
        await engine.tell(ECHO, {"b": 1, "a": 2})
        on_the_wire = ("statefun-actors/json", b'{"b":2,"a":1}')
        assert [(sent.typename, sent.data) for sent in engine.sent[:2]] == [on_the_wire] * 2
        assert engine.sent[2].data == b'{"b":1,"a":2}'
    assert pack({3, 1, 2}) == TypedValue("statefun-actors/json", b"[1,2,3]")


functions = StatefulFunctions()


@functions.bind("conf/any-sender")
def send_any(context: Context, message: str) -> None:
    """Sends an Any of an unknown type."""
    context.send("probe/x", "1", Any(type_url="their/own", value=b"\xff"))


@V.case("V12", "a google.protobuf.Any that a function sends travels as its type_url and its value")
async def any_sent(start: Start) -> None:
    async with start(functions) as engine:
        await engine.tell(Address("conf/any-sender", "a"), "go")
        assert [(sent.typename, sent.data) for sent in engine.sent] == [("their/own", b"\xff")]


class Plain(Entity, typename="conf/plain-sender"):
    """Sends a value by its typename and bytes."""

    @handles(str)
    def go(self, message: str) -> None:
        self.send(PROBE, TypedValue("their/own", b"\xfe"))


@V.case("V13", "TypedValue(typename, value) travels as it says, in both")
async def typed_values(start: Start) -> None:
    async with start(Plain) as engine:
        await engine.tell(Plain.at("a"), "go")
        assert [(sent.typename, sent.data) for sent in engine.sent] == [("their/own", b"\xfe")]
