"""Values on the wire: a value that is read back behaves as the assigned one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from statefun_actors import DeadLetter, Entity, TypedValue, handles, kafka_record, message, persisted
from tests.conformance.cases.vocabulary import PROBE, letters
from tests.conformance.engine import Start
from tests.conformance.sections import VALUES as V

ADA = "ada"
BERLIN = ZoneInfo("Europe/Berlin")


@message("conf/appointment")
class Appointment:
    at: datetime
    others: tuple[datetime, ...] = ()


class Custom(tzinfo):
    """Neither a fixed offset nor a zone that has a name everywhere."""

    def utcoffset(self, _: datetime | None) -> timedelta:
        return timedelta(hours=1)

    def tzname(self, _: datetime | None) -> str:
        return "here"

    def dst(self, _: datetime | None) -> None:
        return None


class Keeper(Entity, typename="conf/keeper", on_failure=DeadLetter("conf/letters", attempts=1)):
    """Keeps values with an order, and values with a time zone."""

    seen: dict[str, int] = persisted(factory=dict)
    due: datetime | None = persisted(default=None)
    appointment: Appointment | None = persisted(default=None)
    by_day: dict[datetime, list[datetime]] = persisted(factory=dict)

    @handles(str)
    def go(self, message: str) -> None:
        first = datetime(2026, 3, 28, 9, tzinfo=BERLIN)
        match message:
            case "plan":
                self.due, self.appointment = first, Appointment(first, (first,))
                self.by_day = {first: [first]}
            case "next":
                assert self.due is not None
                assert self.appointment is not None
                self.due += timedelta(days=1)
                days = [self.appointment.at, *self.appointment.others, *self.by_day, *self.by_day[first]]
                assert all((day + timedelta(days=1)).isoformat() == self.due.isoformat() for day in days)
                self.send(PROBE, self.due.isoformat())
            case "send":
                self.send(PROBE, Appointment(first))
                self.send_egress("conf/kafka", kafka_record(topic="t", value=Appointment(first)))
            case "custom":
                self.due = datetime(2026, 1, 1, tzinfo=Custom())
            case "send custom":
                self.send(PROBE, datetime(2026, 1, 1, tzinfo=Custom()))
            case "twice":
                again = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN)
                self.send(PROBE, {again: 1, again.astimezone(UTC): 2})
            case _:
                self.seen[message] = 1
                if len(self.seen) > 2:
                    del self.seen[next(iter(self.seen))]


@V.case("V47", "a dict keeps its insertion order: in one batch and in several the oldest key is the same one")
async def dict_order(start: Start) -> None:
    async with start(Keeper) as engine:
        for each in ("z", "m", "a"):
            await engine.tell(Keeper.at("three"), each)
        await engine.tell(Keeper.at("one"), "z", "m", "a")
        for target in (Keeper.at("three"), Keeper.at("one")):
            seen = engine.state(target)["seen"]
            assert isinstance(seen, dict)
            assert list(seen) == ["m", "a"]


@V.case(
    "V48", "a datetime in state keeps its zone, wherever it stands: in one batch and in several a day later is 09:00"
)
async def zones_in_state(start: Start) -> None:
    async with start(Keeper) as engine:
        await engine.tell(Keeper.at("two"), "plan")
        await engine.tell(Keeper.at("two"), "next")
        await engine.tell(Keeper.at("one"), "plan", "next")
        assert [sent.value for sent in engine.sent] == ["2026-03-29T09:00:00+02:00"] * 2


@V.case("V49", "in messages and records a datetime has its offset alone; both forms are read everywhere")
async def zones_in_messages(start: Start) -> None:
    zoned = '"2026-03-28T09:00:00+01:00[Europe/Berlin]"'
    async with start(Keeper, Reader) as engine:
        await engine.tell(Keeper.at(ADA), "send")
        assert [sent.data for sent in engine.sent] == [b'{"at":"2026-03-28T09:00:00+01:00","others":[]}']
        [record] = engine.egress("conf/kafka")
        assert getattr(record, "value", None) == engine.sent[0].data
        await engine.tell(Reader.at(ADA), TypedValue("conf/appointment", f'{{"at":{zoned}}}'.encode()))
        engine.put_state(Reader.at(ADA), "moment", TypedValue("statefun-actors/json", b'"2026-03-28T09:00:00+01:00"'))
        await engine.tell(Reader.at(ADA), "state")
        assert [sent.value for sent in engine.sent[1:]] == [
            "2026-03-29T09:00:00+02:00",
            "2026-03-29T09:00:00+01:00",
        ]


class Reader(Entity, typename="conf/reader"):
    moment: datetime | None = persisted(default=None)

    @handles(Appointment, str)
    def go(self, message: Appointment | str) -> None:
        moment = message.at if isinstance(message, Appointment) else self.moment
        assert moment is not None
        self.send(PROBE, (moment + timedelta(days=1)).isoformat())


@V.case("V50", "a tzinfo that is neither fixed nor an IANA zone fails the message, with what to write")
async def custom_zones(start: Start) -> None:
    expected = (
        'expected a `datetime` with a fixed offset or an IANA zone (write ZoneInfo("Europe/Berlin"), or convert it '
        "with `moment.astimezone(UTC)`), got a tzinfo of class `Custom`"
    )
    async with start(Keeper) as engine:
        await engine.tell(Keeper.at(ADA), "custom", "send custom")
        assert [letter["error"] for letter in letters(engine.egress("conf/letters"))] == [
            f"Keeper.due: {expected}",
            expected,
        ]


@V.case("V51", "a key of a dict that would be read back as equal to another one fails the message")
async def equal_keys(start: Start) -> None:
    async with start(Keeper) as engine:
        await engine.tell(Keeper.at(ADA), "twice")
        assert [letter["error"] for letter in letters(engine.egress("conf/letters"))] == [
            "expected `dict[datetime, int]` with keys that differ when they are read back, got "
            "'2026-10-25T02:30:00+01:00' and '2026-10-25T01:30:00+00:00', which are equal"
        ]


@message("conf/strict", strict=True)
class Strict:
    x: int = 0


class TakesStrict(Entity, typename="conf/takes-strict", on_failure=DeadLetter("conf/letters", attempts=1)):
    @handles(Strict)
    def go(self, message: Strict) -> None:
        self.send(PROBE, message)


@V.case("V52", 'unknown keys of a message are ignored, and refused by @message("ns/name", strict=True)')
async def strict(start: Start) -> None:
    async with start(TakesStrict, Reader) as engine:
        await engine.tell(TakesStrict.at(ADA), TypedValue("conf/strict", b'{"x":1}'))
        await engine.tell(TakesStrict.at(ADA), TypedValue("conf/strict", b'{"x":1,"y":2}'))
        loose = b'{"at":"2026-03-28T09:00:00+01:00","later":1}'
        await engine.tell(Reader.at(ADA), TypedValue("conf/appointment", loose))
        assert [sent.value for sent in engine.sent] == [Strict(1), "2026-03-29T09:00:00+01:00"]
        [letter] = letters(engine.egress("conf/letters"))
        assert (letter["error_type"], letter["error"]) == (
            "MessageDecodeError",
            "a message of type conf/strict can't be read: expected `Strict` with no keys but 'x', got 'y'",
        )


class Mixes(Entity, typename="conf/mixes"):
    """Keeps one object in two places, and an int where a float is declared."""

    ones: list[int] = persisted(factory=list)
    others: list[int] = persisted(factory=list)
    ratio: float = persisted(default=0.0)
    log: list[str] = persisted(factory=list)

    @handles(str)
    def go(self, message: str) -> None:
        if message == "share":
            self.ones = self.others = [1]
            self.ratio = 3
        else:
            self.ones.append(2)
            self.log.append(f"{self.others} {self.ratio}")


@V.case("V53", "a batch of n messages and n batches of one end in the same states, also where values are shared")
async def same_states(start: Start) -> None:
    async with start(Mixes) as engine:
        await engine.tell(Mixes.at("two"), "share")
        await engine.tell(Mixes.at("two"), "grow")
        await engine.tell(Mixes.at("one"), "share", "grow")
        expected = {"ones": [1, 2], "others": [1], "ratio": 3.0, "log": ["[1] 3.0"]}
        assert engine.state(Mixes.at("two")) == engine.state(Mixes.at("one")) == expected
