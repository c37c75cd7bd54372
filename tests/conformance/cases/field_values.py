"""Values on the wire: what fields hold."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import ClassVar
from uuid import UUID

import attrs
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration

from statefun_actors import Address, Context, DeadLetter, Entity, StatefulFunctions, TypedValue, handles, persisted
from statefun_actors.types import pack
from tests.conformance.cases.vocabulary import ASKER, PROBE, Named, Other, Point, letters, problems_of
from tests.conformance.engine import Can, Start
from tests.conformance.sections import VALUES as V

ADA = "ada"


class Colour(Enum):
    RED = "red"


class Fields(Entity, typename="conf/fields"):
    """A field of every kind, set by one message and read by the next."""

    flag: bool = persisted(default=False)
    count: int = persisted(default=0)
    ratio: float = persisted(default=0.0)
    text: str = persisted(default="")
    data: bytes = persisted(default=b"")
    pb: Duration | None = persisted(default=None)
    named: Named | None = persisted(default=None)
    either: Named | Other | None = persisted(default=None)
    point: Point | None = persisted(default=None)
    items: list[str] = persisted(factory=list)
    table: dict[str, int] = persisted(factory=dict)
    pair: tuple[int, str] | None = persisted(default=None)
    names: set[str] = persisted(factory=set)
    moment: datetime | None = persisted(default=None)
    span: timedelta | None = persisted(default=None)
    price: Decimal | None = persisted(default=None)
    key: UUID | None = persisted(default=None)
    colour: Colour | None = persisted(default=None)
    friend: Address | None = persisted(default=None)

    @handles(str)
    def go(self, message: str) -> None:
        if message == "set":
            self.flag, self.count, self.ratio, self.text, self.data = True, -1, -0.5, "é", b"\0"
            self.pb, self.named, self.either = Duration(seconds=3), Named("n", [1]), Other(flag=True)
            self.point, self.items, self.table, self.pair = Point(1), ["a"], {"b": 2}, (1, "c")
            self.names, self.moment = {"y", "x"}, datetime(2026, 1, 2, tzinfo=UTC)
            self.span, self.price, self.key = timedelta(microseconds=1), Decimal("1.50"), UUID(int=5)
            self.colour, self.friend = Colour.RED, Fields.at("other")
        elif message == "check":
            assert (self.flag, self.count, self.ratio, self.text, self.data) == (True, -1, -0.5, "é", b"\0")
            assert (self.pb, self.named, self.either) == (Duration(seconds=3), Named("n", [1]), Other(flag=True))
            assert (self.point, self.items, self.table, self.pair) == (Point(1), ["a"], {"b": 2}, (1, "c"))
            assert (self.names, self.moment) == ({"y", "x"}, datetime(2026, 1, 2, tzinfo=UTC))
            assert (self.span, self.price, self.key) == (timedelta(microseconds=1), Decimal("1.50"), UUID(int=5))
            assert (self.colour, self.friend) == (Colour.RED, Address("conf/fields", "other"))
            self.send(PROBE, "checked")
        elif message == "nan":
            self.ratio = NAN
        elif message == "read nan":
            self.send(PROBE, struct.pack(">d", self.ratio))
        elif message == "either":
            self.either = Other(flag=True)


[NAN] = struct.unpack(">d", b"\x7f\xf8\0\0\0\0\0\x07")
"""A NaN with a payload: kept exactly, it is still this one."""


@V.case("V14", "fields of every type read back what was assigned")
async def every_type(start: Start) -> None:
    async with start(Fields) as engine:
        await engine.tell(Fields.at(ADA), "set")
        await engine.tell(Fields.at(ADA), "check")
        assert engine.failures == []
        assert [sent.value for sent in engine.sent] == ["checked"]


class Wrong(Entity, typename="conf/wrong", on_failure=DeadLetter("conf/letters", attempts=1)):
    """Puts into its fields what does not belong there."""

    items: list[str] = persisted(factory=list)
    count: int = persisted(default=0)
    deep: dict[str, list[float]] = persisted(factory=dict)
    text: str = persisted(default="")
    table: dict[str, str] = persisted(factory=dict)
    good: int = persisted(default=0)
    wrong: ClassVar[dict[str, tuple[str, object]]] = {
        "element": ("items", ["a", 3]),
        "tuple": ("items", ("a",)),
        "bool": ("count", True),
        "huge": ("count", 2**63),
        "none": ("count", None),
        "nan": ("deep", {"a": [math.nan]}),
        "infinity": ("deep", {"a": [0.0, -math.inf]}),
        "surrogate": ("text", "\ud800"),
        "deep surrogate": ("table", {"a": "\ud800"}),
    }

    @handles(str)
    def go(self, message: str) -> None:
        self.good += 1
        if message in self.wrong:
            name, value = self.wrong[message]
            setattr(self, name, value)
        elif message == "in place":
            self.items.append(3)  # type: ignore[arg-type]


async def misfits(start: Start, **expected: str) -> None:
    """Each of these fails its message, with that text, in the middle of a batch that goes on; nothing of it is kept."""
    async with start(Wrong) as engine:
        for kind, text in expected.items():
            target = Wrong.at(kind.replace("_", "-"))
            await engine.tell(target, "good", kind.replace("_", " "), "good")
            assert engine.state(target) == {"good": 2}
            letter = letters(engine.egress("conf/letters"))[-1]
            assert (letter["error_type"], letter["error"]) == ("FieldMismatchError", text)


@V.case("V15", "a value of another type than the field's fails that message, however deep inside it is")
async def elements(start: Start) -> None:
    await misfits(
        start,
        element="Wrong.items: expected `str`, got `int` - at `$[1]`",
        tuple="Wrong.items: expected `list[str]`, got `tuple`",
        bool="Wrong.count: expected `int`, got `bool`",
        in_place="Wrong.items: expected `str`, got `int` - at `$[0]`",
    )


@V.case("V16", "an int beyond 64 bits fails that message")
async def huge(start: Start) -> None:
    await misfits(start, huge=f"Wrong.count: expected an int of 64 bits, got {2**63}")


@V.case("V17", "NaN or an infinity inside JSON fails that message")
async def not_finite(start: Start) -> None:
    await misfits(
        start,
        nan="Wrong.deep: expected a finite `float`, got nan - at `$.a[0]`",
        infinity="Wrong.deep: expected a finite `float`, got -inf - at `$.a[1]`",
    )


@V.case("V18", "a lone surrogate fails that message")
async def surrogates(start: Start) -> None:
    expected = "expected text that UTF-8 can encode, got '\\ud800', which holds a lone surrogate"
    await misfits(
        start,
        surrogate=f"Wrong.text: {expected}",
        deep_surrogate=f"Wrong.table: {expected} - at `$.a`",
    )


@V.case("V19", "a float field keeps NaN exactly")
async def nan(start: Start) -> None:
    async with start(Fields) as engine:
        await engine.tell(Fields.at(ADA), "nan")
        await engine.tell(Fields.at(ADA), "read nan")
        assert [sent.value for sent in engine.sent] == [b"\x7f\xf8\0\0\0\0\0\x07"]


@V.once("V20", "the typename of a state never depends on a class's name or module")
def typenames() -> None:
    @attrs.frozen
    class Place:
        x: int

    class Here(Entity, typename="conf/here"):
        where: Place | None = persisted(default=None)
        point: Point | None = persisted(default=None)
        points: list[Place] = persisted(factory=list)

    states = Here.__function_type__.states
    assert {state.typename for state in states} == {"statefun-actors/json"}


@V.case("V21", "an attrs class in a field tolerates unknown keys and fills missing ones from its defaults")
async def evolving(start: Start) -> None:
    async with start(Evolving) as engine:
        engine.put_state(Evolving.at(ADA), "point", TypedValue("statefun-actors/json", b'{"x":5,"later":[1]}'))
        await engine.tell(Evolving.at(ADA), "go")
        assert [sent.value for sent in engine.sent] == ["Point(x=5, y=0)"]


class Evolving(Entity, typename="conf/evolving"):
    point: Point | None = persisted(default=None)

    @handles(str)
    def go(self, message: str) -> None:
        self.send(PROBE, repr(self.point))


@V.once("V22", "members of a union need @message names")
def unions() -> None:
    def define() -> object:
        class Either(Entity, typename="conf/either"):
            either: Point | Other | None = persisted(default=None)

        return Either

    [problem] = problems_of(define)
    assert "Point" in problem
    assert "@message" in problem


@V.case("V23", 'JSON carries the name of a union\'s member under "@type"')
async def tagged(start: Start) -> None:
    async with start(Fields) as engine:
        await engine.tell(Fields.at(ADA), "either")
        assert engine.state(Fields.at(ADA)) == {"either": {"@type": "conf/other", "flag": True}}


class Converted(Entity, typename="conf/converted"):
    size: int = persisted(default=0, convert=lambda old: len(old.value))

    @handles(str)
    def go(self, message: str) -> None:
        self.size += 1


@V.case("V24", "convert= reads state of an older type; on Flink the typename itself stays frozen", Can.RETYPE)
async def converted(start: Start) -> None:
    async with start(Converted) as engine:
        engine.put_state(Converted.at(ADA), "size", TypedValue("older/type", b"abc"))
        await engine.tell(Converted.at(ADA), "go")
        assert engine.state(Converted.at(ADA)) == {"size": 4}


class Reshaped(Entity, typename="conf/reshaped"):
    names: list[str] = persisted(factory=list, convert=lambda old: old.value.decode().strip('"').split(","))

    @handles(str)
    def go(self, message: str) -> None:
        self.names.append(message)


@V.case("V25", "convert= serves changes inside one typename on every engine")
async def reshaped(start: Start) -> None:
    async with start(Reshaped) as engine:
        engine.put_state(Reshaped.at(ADA), "names", TypedValue("statefun-actors/json", b'"a,b"'))
        await engine.tell(Reshaped.at(ADA), "c")
        assert engine.state(Reshaped.at(ADA)) == {"names": ["a", "b", "c"]}


class Patient(Entity, typename="conf/patient"):
    asker: Address | None = persisted(default=None)

    @handles(str)
    def asked(self, message: str) -> None:
        self.asker = self.caller

    @handles(int)
    def answer(self, message: int) -> None:
        if self.asker is not None:
            self.send(self.asker, message)


@V.case("V26", "Address is a field type: a caller can be kept and answered later")
async def kept_caller(start: Start) -> None:
    async with start(Patient) as engine:
        await engine.tell(Patient.at(ADA), "?", caller=ASKER)
        await engine.tell(Patient.at(ADA), 42)
        assert [(sent.target, sent.value) for sent in engine.sent] == [(ASKER, 42)]


VARIED = (True, 1, 0.5, "s", b"b", Duration(), Named("n"), TypedValue("their/own", b"\xff"))
OTHERS = ["type.googleapis.com/google.protobuf.Duration", "conf/named", "their/own"]
NAMES = {
    3: [
        *(f"io.statefun.types/{name}" for name in ("bool", "long", "double", "string")),
        "statefun-actors/bytes",
        *OTHERS,
    ],
    2: [
        *(
            f"type.googleapis.com/google.protobuf.{name}Value"
            for name in ("Bool", "Int64", "Double", "String", "Bytes")
        ),
        *OTHERS,
    ],
}


class Anything(Entity, typename="conf/anything"):
    @handles(Any)
    def take(self, message: Any) -> None:
        self.send(PROBE, message.type_url)


@V.case("V27", "handles(Any) receives an Any whose type_url is the typename, on every engine, primitives included")
async def anything(start: Start) -> None:
    async with start(Anything) as engine:
        await engine.tell(Anything.at(ADA), *VARIED)
        assert [sent.value for sent in engine.sent] == NAMES[engine.protocol]


@V.case("V28", "a function without a hint receives the same")
async def untyped(start: Start) -> None:
    seen: list[str] = []
    plain = StatefulFunctions()

    @plain.bind("conf/untyped")
    def take(context, message):  # type: ignore[no-untyped-def] # that is what is tried
        seen.append(message.type_url)

    async with start(plain) as engine:
        await engine.tell(Address("conf/untyped", "a"), *VARIED)
        assert seen == NAMES[engine.protocol]


@V.case("V29", "None assigned to a field that is not optional fails the message")
async def none(start: Start) -> None:
    await misfits(start, none="Wrong.count: expected `int`, got `None`")


functions = StatefulFunctions()


@functions.bind("conf/any-state", states={"count": int})
def any_state(context: Context, message: str) -> str:
    """Puts an Any into a state of ints: one that is an int, or one that isn't."""
    right = message == "right"
    context["count"] = Any(type_url="io.statefun.types/long" if right else "their/own", value=pack(3).value)
    return "no reply"


@V.case("V30", "an Any of another type in a declared state fails the message")
async def other_any(start: Start) -> None:
    async with start(functions) as engine:
        await engine.tell(Address("conf/any-state", "a"), "wrong")
        assert engine.reasons == ["conf/any-state.count: expected `int`, got an Any of 'their/own'"]
        assert engine.state(Address("conf/any-state", "a")) == {}


@V.case("V31", "what a function returns is ignored")
async def ignored(start: Start) -> None:
    async with start(functions) as engine:
        await engine.tell(Address("conf/any-state", "a"), "right", caller=ASKER)
        assert engine.state(Address("conf/any-state", "a")) == {"count": 3}
        assert (engine.sent, engine.failures) == ([], [])
