"""Values on the wire: typenames, values of an older type, and of any type."""

from __future__ import annotations

import attrs
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration

from statefun_actors import Address, Context, Entity, StatefulFunctions, TypedValue, handles, persisted
from statefun_actors.types import pack
from tests.conformance.cases.field_values import ADA, Fields, misfits
from tests.conformance.cases.vocabulary import ASKER, PROBE, Named, Other, Point, problems_of
from tests.conformance.engine import Can, Start
from tests.conformance.sections import VALUES as V


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
