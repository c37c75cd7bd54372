"""Values on the wire: what fields hold, and values that do not fit."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import ClassVar
from uuid import UUID

from google.protobuf.duration_pb2 import Duration

from statefun_actors import Address, DeadLetter, Entity, handles, persisted
from tests.conformance.cases.vocabulary import PROBE, Named, Other, Point, letters
from tests.conformance.engine import Start
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
