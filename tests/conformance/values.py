"""Values on the wire (V) and fields (F)."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from uuid import UUID

import attrs
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration

from statefun_actors import Address, Entity, TypedValue, handles, kafka_record, kinesis_record, message, persisted
from tests.conformance.engine import Can, Start, case

PROBE = Address("probe/x", "1")


@message("conf/named")
class Named:
    text: str
    numbers: list[int] = attrs.field(factory=list)


@message("conf/other")
class Other:
    flag: bool = False


class Colour(Enum):
    RED = "red"


@attrs.frozen
class Point:
    x: int
    y: int = 0


class Echo(Entity, typename="conf/echo"):
    """Sends on what it gets, and keeps the type of it."""

    @handles(bool, int, float, str, bytes, Named, Duration)
    def echo(self, message: bool | int | float | str | bytes | Named | Duration) -> None:  # noqa: PYI041 - two types here
        self.send(PROBE, message)


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
            self.ratio = math.nan
        elif message == "read nan":
            self.send(PROBE, math.isnan(self.ratio))


class Wrong(Entity, typename="conf/wrong"):
    """Puts into its fields what does not belong there."""

    items: list[str] = persisted(factory=list)
    count: int = persisted(default=0)
    deep: dict[str, list[float]] = persisted(factory=dict)
    text: str = persisted(default="")
    good: int = persisted(default=0)

    @handles(str)
    def go(self, message: str) -> None:
        self.good = 1
        wrong: dict[str, tuple[str, object]] = {
            "element": ("items", ["a", 3]),
            "tuple": ("items", ("a",)),
            "bool": ("count", True),
            "huge": ("count", 2**63),
            "none": ("count", None),
            "nan": ("deep", {"a": [math.nan]}),
            "surrogate": ("text", "\ud800"),
            "undeclared": ("missing", 1),
        }
        name, value = wrong[message]
        setattr(self, name, value)


class Anything(Entity, typename="conf/anything"):
    @handles(Any)
    def take(self, message: Any) -> None:
        self.send(PROBE, message.type_url)

    @handles(Named)
    def named(self, message: Named) -> None:
        self.send(PROBE, "named")


class Egresses(Entity, typename="conf/egresses"):
    @handles(str)
    def go(self, message: str) -> None:
        self.send_egress("conf/kafka", kafka_record(topic="t", key="k", value="é"))
        self.send_egress("conf/kafka", kafka_record(topic="t", value=7))
        self.send_egress("conf/kafka", kafka_record(topic="t", value=0.5))
        self.send_egress("conf/kinesis", kinesis_record(stream="s", partition_key="p", value=b"\0"))
        self.send_egress("conf/plain", Named("n"))


ADA = "ada"


@case("V1", "bool, int, float, str and bytes travel as themselves, zero values included")
async def primitives(start: Start) -> None:
    values = [True, False, 0, -5, 0.0, 2.5, "", "é", b"", b"\0"]
    async with start(Echo) as engine:
        for value in values:
            await engine.tell(Echo.at(ADA), value)
        assert [(type(sent.value), sent.value) for sent in engine.sent] == [(type(v), v) for v in values]


@case("V2", "a handler for int takes io.statefun.types/int, too; one for float takes /float")
async def narrow(start: Start) -> None:
    async with start(Echo) as engine:
        await engine.tell(Echo.at(ADA), TypedValue("io.statefun.types/int", b"\x0d\x07\x00\x00\x00"))
        await engine.tell(Echo.at(ADA), TypedValue("io.statefun.types/float", b"\x0d\x00\x00\x00\x3f"))
        assert [sent.value for sent in engine.sent] == [7, 0.5]


@case("V3", "protobuf messages travel under type.googleapis.com/<full name>, @message classes under their own name")
async def messages(start: Start) -> None:
    async with start(Echo) as engine:
        await engine.tell(Echo.at(ADA), Duration(seconds=9))
        await engine.tell(Echo.at(ADA), Named("n", [1, 2]))
        assert [(sent.value, sent.typename) for sent in engine.sent] == [
            (Duration(seconds=9), "type.googleapis.com/google.protobuf.Duration"),
            (Named("n", [1, 2]), "conf/named"),
        ]


@case("V4", "a handler for Any takes what no other handler takes, as an Any whose type_url is the typename")
async def anything(start: Start) -> None:
    async with start(Anything) as engine:
        await engine.tell(Anything.at(ADA), Named("n"))
        await engine.tell(Anything.at(ADA), Duration())
        await engine.tell(Anything.at(ADA), TypedValue("their/own", b"\xff"))
        assert [sent.value for sent in engine.sent] == [
            "named",
            "type.googleapis.com/google.protobuf.Duration",
            "their/own",
        ]


@case("V5", "records for Kafka and Kinesis: str in UTF-8, int in 4 bytes and float in 8, big-endian; any message too")
async def records(start: Start) -> None:
    async with start(Egresses) as engine:
        await engine.tell(Egresses.at(ADA), "go")
        kafka = [kafka_record(topic="t", key="k", value="é".encode()), kafka_record(topic="t", value=b"\0\0\0\x07")]
        kafka.append(kafka_record(topic="t", value=b"\x3f\xe0\0\0\0\0\0\0"))
        assert engine.egress("conf/kafka") == kafka
        assert engine.egress("conf/kinesis") == [kinesis_record(stream="s", partition_key="p", value=b"\0")]
        assert engine.egress("conf/plain") == [Named("n")]


@case("V6", "a message that no handler takes fails, and so does one whose bytes can't be read")
async def unhandled(start: Start) -> None:
    async with start(Echo) as engine:
        await engine.tell(Echo.at(ADA), Other())
        await engine.tell(Echo.at(ADA), TypedValue("conf/named", b"{"))
        assert engine.failures == ["UnhandledMessageError", "MessageDecodeError"]
        assert engine.sent == []


@case("F1", "fields of every type read back what was assigned")
async def every_type(start: Start) -> None:
    async with start(Fields) as engine:
        await engine.tell(Fields.at(ADA), "set")
        await engine.tell(Fields.at(ADA), "check")
        assert engine.failures == []
        assert [sent.value for sent in engine.sent] == ["checked"]


@case("F2", "a float field keeps NaN")
async def nan(start: Start) -> None:
    async with start(Fields) as engine:
        await engine.tell(Fields.at(ADA), "nan")
        await engine.tell(Fields.at(ADA), "read nan")
        assert [sent.value for sent in engine.sent] == [True]


@case("F3", "a value that does not fit its field's type, in depth, fails the message and nothing is written")
async def misfits(start: Start) -> None:
    kinds = ("element", "tuple", "bool", "huge", "none", "nan", "surrogate")
    async with start(Wrong) as engine:
        for kind in kinds:
            await engine.tell(Wrong.at(kind), kind)
            assert engine.state(Wrong.at(kind)) == {}
        assert engine.failures == ["FieldMismatchError"] * len(kinds)


@case("F4", "assigning an attribute that is no field fails the message")
async def undeclared(start: Start) -> None:
    async with start(Wrong) as engine:
        await engine.tell(Wrong.at(ADA), "undeclared")
        assert engine.failures == ["UndeclaredAttributeError"]
        assert engine.state(Wrong.at(ADA)) == {}


@case("F5", "state that can't be read fails the batch that touches it, and stays as it is")
async def unreadable(start: Start) -> None:
    bad = TypedValue("io.statefun.types/long", b"\xff\xff")
    async with start(Wrong) as engine:
        engine.put_state(Wrong.at(ADA), "count", bad)
        engine.put_state(Wrong.at(ADA), "text", "kept")
        await engine.tell(Wrong.at(ADA), "undeclared")
        before = engine.state(Wrong.at(ADA))
        async with start(Reader) as reading:
            reading.put_state(Reader.at(ADA), "count", bad)
            await reading.tell(Reader.at(ADA), "elsewhere", "here")
            assert reading.failures[-1] == "StateDecodeError"
        assert before == {"count": bad, "text": "kept"}


class Reader(Entity, typename="conf/reader"):
    count: int = persisted(default=0)
    other: int = persisted(default=0)

    @handles(str)
    def go(self, message: str) -> None:
        if message == "here":
            try:
                self.other = self.count
            except Exception:
                self.other = -1
        else:
            self.other += 1


@case("F6", "unreadable state that is not touched does no harm")
async def untouched(start: Start) -> None:
    async with start(Reader) as engine:
        engine.put_state(Reader.at(ADA), "count", TypedValue("io.statefun.types/long", b"\xff\xff"))
        await engine.tell(Reader.at(ADA), "elsewhere")
        assert engine.failures == []
        assert engine.state(Reader.at(ADA))["other"] == 1


@case("F7", "convert= reads state of an older type", Can.RETYPE)
async def converted(start: Start) -> None:
    class Converted(Entity, typename="conf/converted"):
        size: int = persisted(default=0, convert=lambda old: len(old.value))

        @handles(str)
        def go(self, message: str) -> None:
            self.size += 1

    async with start(Converted) as engine:
        engine.put_state(Converted.at(ADA), "size", TypedValue("older/type", b"abc"))
        await engine.tell(Converted.at(ADA), "go")
        assert engine.state(Converted.at(ADA)) == {"size": 4}
