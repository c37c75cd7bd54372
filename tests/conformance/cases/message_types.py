"""Values on the wire: messages, their handlers, and records for egresses."""

from __future__ import annotations

from typing import Any as Untyped

import attrs
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration

from statefun_actors import (
    DefinitionError,
    Entity,
    KafkaRecord,
    NotAMessageError,
    Settings,
    TypedValue,
    handles,
    kafka_record,
    kinesis_record,
    message,
    persisted,
)
from statefun_actors.dispatch import Application
from tests.conformance.cases.vocabulary import PROBE, Named, Other, Point, problems_of, raised
from tests.conformance.engine import Start
from tests.conformance.sections import VALUES as V

marked: Untyped = handles  # what the type checker refuses is what is tried


@V.once("V32", "an attrs class without @message is no message: refused at definition")
def nameless_handled() -> None:
    def define() -> object:
        class Takes(Entity, typename="conf/takes"):
            @handles(Point)
            def take(self, message: Point) -> None: ...

        return Takes

    [problem] = problems_of(define)
    assert problem.endswith('write @message("ns/name") above `class Point`')


class Sender(Entity, typename="conf/nameless"):
    @handles(str)
    def go(self, message: str) -> None:
        self.send(PROBE, Point(1))


@V.case("V33", "an attrs class without @message is refused at the send")
async def nameless_sent(start: Start) -> None:
    async with start(Sender) as engine:
        await engine.tell(Sender.at("a"), "go")
        assert engine.failures == [NotAMessageError.__name__]
        assert engine.sent == []


@V.once("V34", "@message on a plain annotated class makes it a frozen attrs class")
def plain_class() -> None:
    assert attrs.has(Named)
    assert isinstance(raised(lambda: setattr(Named("a"), "text", "b")), attrs.exceptions.FrozenInstanceError)


@V.once("V35", "@message on an attrs class only names it")
def attrs_class() -> None:
    @attrs.define
    class Mutable:
        x: int

    assert message("conf/mutable")(Mutable) is Mutable
    instance = Mutable(1)
    instance.x = 2
    assert instance.x == 2


@V.once("V36", "naming a class twice is an error")
def named_twice() -> None:
    @message("conf/once")
    class Named:
        x: int

    assert isinstance(raised(lambda: message("conf/twice")(Named)), DefinitionError)


@message("conf/namesake")
class Known:
    text: str


@message("conf/namesake")
class Namesake:
    text: str


@V.once("V37", "two classes under one name are refused where one entity or one app uses both")
def namesakes() -> None:
    def one_entity() -> object:
        class Both(Entity, typename="conf/both"):
            @handles(Known)
            def named(self, message: Known) -> None: ...

            @handles(Namesake)
            def namesake(self, message: Namesake) -> None: ...

        return Both

    class One(Entity, typename="conf/one"):
        @handles(Known)
        def named(self, message: Known) -> None: ...

    class Another(Entity, typename="conf/another"):
        @handles(Namesake)
        def namesake(self, message: Namesake) -> None: ...

    assert problems_of(one_entity) == [
        "Both.named takes Known and Both.namesake takes Namesake, which are both conf/namesake on the wire; "
        "give one of them another name"
    ]
    assert problems_of(lambda: Application(One, Another)) == [
        "One.named takes `Known` and Another.namesake takes `Namesake` under one name, conf/namesake; "
        "give one of them another name"
    ]


class Egresses(Entity, typename="conf/egresses"):
    @handles(str)
    def go(self, message: str) -> None:
        values = (b"\0", "é", Duration(seconds=9), Named("n"), 7, 0.5)
        if message == "kafka":
            for value in values:
                self.send_egress("conf/kafka", kafka_record(topic="t", key="k", value=value))
            self.send_egress("conf/kafka", kafka_record(topic="t", value=b""))
        else:
            for value in values:
                self.send_egress("conf/kinesis", kinesis_record(stream="s", partition_key="p", value=value))
            last = kinesis_record(stream="s", partition_key="p", value=b"", explicit_hash_key="9")
            self.send_egress("conf/kinesis", last)

    @handles(int)
    def plain(self, message: int) -> None:
        for value in (message, "é", Named("n"), Duration(seconds=9), TypedValue("their/own", b"\xff")):
            self.send_egress("conf/plain", value)


PACKED = [b"\0", "é".encode(), b"\x08\x09", b'{"numbers":[],"text":"n"}', b"\0\0\0\x07", b"\x3f\xe0\0\0\0\0\0\0"]


@V.case(
    "V38", "kafka_record: bytes as they are, str in UTF-8, protobuf serialized, @message JSON, int 4 and float 8 bytes"
)
async def kafka(start: Start) -> None:
    async with start(Egresses) as engine:
        await engine.tell(Egresses.at("a"), "kafka")
        expected = [KafkaRecord("t", value, "k") for value in PACKED]
        assert engine.egress("conf/kafka") == [*expected, KafkaRecord("t", b"", None)]


@V.case("V39", "kinesis_record: likewise, with its partition key and its explicit hash key")
async def kinesis(start: Start) -> None:
    async with start(Egresses) as engine:
        await engine.tell(Egresses.at("a"), "kinesis")
        expected = [kinesis_record(stream="s", partition_key="p", value=value) for value in PACKED]
        last = kinesis_record(stream="s", partition_key="p", value=b"", explicit_hash_key="9")
        assert engine.egress("conf/kinesis") == [*expected, last]


@V.case("V40", "send_egress takes any message too")
async def plain_egress(start: Start) -> None:
    async with start(Egresses) as engine:
        await engine.tell(Egresses.at("a"), 5)
        values = [5, "é", Named("n"), Duration(seconds=9), TypedValue("their/own", b"\xff")]
        assert engine.egress("conf/plain") == values


@V.case("V41", "anything but a record to an egress of Kafka or Kinesis fails the message, naming kafka_record")
async def no_record(start: Start) -> None:
    async with start(Egresses, settings=Settings(record_egresses=["conf/plain"])) as engine:
        await engine.tell(Egresses.at("a"), 5)
        assert engine.egress("conf/plain") == []
        [reason] = engine.reasons
        assert "kafka_record" in reason
        assert "conf/plain" in reason


class Takes(Entity, typename="conf/takes-some"):
    @handles(Named, int)
    def named(self, message: Named | int) -> None:
        self.send(PROBE, "known")


class TakesAll(Entity, typename="conf/takes-all"):
    @handles(Named)
    def named(self, message: Named) -> None:
        self.send(PROBE, "known")

    @handles(Any)
    def rest(self, message: Any) -> None:
        self.send(PROBE, message.type_url)


@V.case("V42", "a message that no handler takes goes to the Any handler, if there is one")
async def rest(start: Start) -> None:
    async with start(TakesAll) as engine:
        await engine.tell(TakesAll.at("a"), Named("n"), Other())
        assert [sent.value for sent in engine.sent] == ["known", "conf/other"]


@V.case("V43", "without an Any handler it fails with UnhandledMessageError: which types are taken, which came")
async def unhandled(start: Start) -> None:
    async with start(Takes) as engine:
        await engine.tell(Takes.at("a"), Other())
        assert engine.failures == ["UnhandledMessageError"]
        [reason] = engine.reasons
        assert all(name in reason for name in ("conf/takes-some", "Named", "int", "conf/other"))
        assert engine.sent == []


@message("conf/namesake-of-string")
class Text:
    text: str


@V.once("V44", "@handles binds by typename; one typename, one handler")
def one_handler() -> None:
    def define() -> object:
        class Two(Entity, typename="conf/two"):
            @handles(Text)
            def one(self, message: Text) -> None: ...

            @handles(Text)
            def two(self, message: Text) -> None: ...

        return Two

    assert problems_of(define) == ["Two.one and Two.two both handle Text; a type has one handler"]


@V.once("V45", "types given to @handles that contradict the annotation are a definition error")
def contradiction() -> None:
    def define() -> object:
        class Torn(Entity, typename="conf/torn"):
            @marked(Text)  # type: ignore[untyped-decorator]
            def take(self, message: Named) -> None: ...

        return Torn

    assert problems_of(define) == ["take: @handles names Text, its annotation Named; make them equal"]


class Empties(Entity, typename="conf/empties"):
    """Keeps empty values where full ones are the defaults, and sends on what it gets."""

    text: str = persisted(default="full")
    data: bytes = persisted(default=b"full")
    number: int = persisted(default=9)
    ratio: float = persisted(default=9.0)
    flag: bool = persisted(default=True)
    items: tuple[int, ...] = persisted(default=(9,))

    @handles(str, bytes, int, float, bool)
    def take(self, message: Untyped) -> None:
        self.send(PROBE, message)
        if message == "":
            self.text, self.data, self.number, self.ratio, self.flag, self.items = "", b"", 0, 0.0, False, ()
        elif message == "read":
            assert (self.text, self.data, self.number, self.ratio, self.flag, self.items) == (
                "",
                b"",
                0,
                0.0,
                False,
                (),
            )


@V.case("V46", "empty bytes, empty strings, zero and false are values, not absence")
async def empties(start: Start) -> None:
    async with start(Empties) as engine:
        values = ["", b"", 0, 0.0, False]
        await engine.tell(Empties.at("a"), *values)
        await engine.tell(Empties.at("a"), "read")
        assert engine.failures == []
        assert [(type(sent.value), sent.value) for sent in engine.sent][:-1] == [(type(v), v) for v in values]
        assert engine.state(Empties.at("a")) == {
            "text": "", "data": b"", "number": 0, "ratio": 0.0, "flag": False, "items": []
        }  # fmt: skip
