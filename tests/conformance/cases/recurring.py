"""Recurring messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from statefun_actors import Entity, TerminalError, handles, persisted
from statefun_actors.store import MemoryStore
from statefun_actors.testing import TestRuntime
from tests.conformance.engine import Can, Engine, Start
from tests.conformance.sections import RECURRING as R


class Reminder(Entity, typename="conf/reminder"):
    """Reminds itself, and notes when."""

    fired: list[str] = persisted(factory=list)
    other: int = persisted(default=0)

    @handles(str)
    def go(self, message: str) -> None:
        match message.split():
            case ["every", seconds]:
                self.send_every(timedelta(seconds=int(seconds)), self.address, int(seconds), name="a")
            case ["other", seconds]:
                self.send_every(timedelta(seconds=int(seconds)), self.address, 1.5, name="b")
            case ["cron", zone]:
                self.send_every("0 9 * * *", self.address, 9, name="a", tz=zone)
            case ["wrong", *line]:
                self.send_every(" ".join(line), self.address, 9, name="a")
            case ["end"]:
                self.cancel_every("a")
            case ["clear"]:
                self.clear()
            case _:
                raise TerminalError(message)

    @handles(int)
    def fire(self, message: int) -> str:
        assert self.caller is not None
        if message == 13:
            raise TerminalError("not thirteen")
        self.fired.append(f"{message} by {self.caller.typename} at {self.now:%d %H:%M:%S}")
        return "a reply that goes nowhere"

    @handles(float)
    def fire_other(self, message: float) -> None:
        self.other += 1


ONE = Reminder.at("1")


def fired(engine: Engine) -> object:
    """The times of ONE's messages, in seconds since the engine began, at midnight of the first."""
    return engine.state(ONE).get("fired")


def at(*times: str, message: int = 10) -> list[str]:
    return [f"{message} by statefun-actors/schedule at {time}" for time in times]


@R.case("R1", "an interval first fires one interval after the message that called, and keeps that phase", Can.TELL_TIME)
async def interval(start: Start) -> None:
    async with start(Reminder) as engine:
        await engine.advance(3)
        await engine.tell(ONE, "every 10")
        await engine.advance(25)

        assert fired(engine) == at("01 00:00:13", "01 00:00:23")


@R.case("R2", "its messages come from statefun-actors/schedule, and what is replied to them is dropped", Can.TELL_TIME)
async def caller(start: Start) -> None:
    async with start(Reminder) as engine:
        await engine.tell(ONE, "every 10")
        await engine.advance(10)

        assert (fired(engine), engine.sent, engine.failures) == (at("01 00:00:10"), [], [])


@R.case("R3", "the same schedule again changes nothing", Can.TELL_TIME)
async def same(start: Start) -> None:
    async with start(Reminder) as engine:
        await engine.tell(ONE, "every 10")
        await engine.advance(7)
        await engine.tell(ONE, "every 10")
        await engine.advance(6)

        assert fired(engine) == at("01 00:00:10")


@R.case("R4", "another one of that name begins anew in its place", Can.TELL_TIME)
async def another(start: Start) -> None:
    async with start(Reminder) as engine:
        await engine.tell(ONE, "every 10")
        await engine.advance(7)
        await engine.tell(ONE, "every 20")
        await engine.advance(25)

        assert fired(engine) == at("01 00:00:27", message=20)


@R.case("R5", "of each sender and name there is one", Can.TELL_TIME)
async def names(start: Start) -> None:
    async with start(Reminder) as engine:
        await engine.tell(ONE, "every 10", "other 4")
        await engine.tell(Reminder.at("2"), "every 5")
        await engine.tell(ONE, "end")
        await engine.advance(11)

        assert engine.state(ONE) == {"other": 2}
        assert engine.state(Reminder.at("2"))["fired"] == at("01 00:00:05", "01 00:00:10", message=5)


@R.case("R6", "cancel_every ends it: no firing leaves after it", Can.TELL_TIME)
async def cancelled(start: Start) -> None:
    async with start(Reminder) as engine:
        await engine.tell(ONE, "every 10")
        await engine.advance(12)
        await engine.tell(ONE, "end")
        await engine.advance(60)

        assert fired(engine) == at("01 00:00:10")


@R.case("R7", "it can begin again after that, and a stale wake-up is known by its generation", Can.TELL_TIME)
async def again(start: Start) -> None:
    async with start(Reminder) as engine:
        await engine.tell(ONE, "every 10")
        await engine.tell(ONE, "end")
        await engine.advance(5)
        await engine.tell(ONE, "every 10")
        await engine.advance(15)

        assert fired(engine) == at("01 00:00:15")


@R.case("R8", "it goes on when the handler of its target fails", Can.TELL_TIME)
async def failing(start: Start) -> None:
    async with start(Reminder) as engine:
        await engine.tell(ONE, "every 13")
        await engine.advance(40)

        assert engine.failures == ["TerminalError"] * 3


@R.case("R9", "clear() ends none", Can.TELL_TIME)
async def cleared(start: Start) -> None:
    async with start(Reminder) as engine:
        await engine.tell(ONE, "every 10")
        await engine.tell(ONE, "clear")
        await engine.advance(11)

        assert fired(engine) == at("01 00:00:10")


@R.case("R10", "a cron line fires in its zone", Can.TELL_TIME)
async def cron(start: Start) -> None:
    async with start(Reminder) as engine:
        await engine.tell(ONE, "cron Asia/Kolkata")
        await engine.advance(2 * 24 * 3600)

        assert fired(engine) == at("01 03:30:00", "02 03:30:00", message=9)


@R.case("R11", "a line that can't be read, or never fits, fails at the call")
async def wrong(start: Start) -> None:
    lines = ("0 9 * *", "@daily", "0 0 30 2 *", "61 * * * *")
    async with start(Reminder) as engine:
        for number, line in enumerate(lines):
            await engine.tell(Reminder.at(f"{number}"), f"wrong {line}")

        assert engine.failures == ["ValueMismatchError"] * len(lines)


@R.once("R12", "firings that were missed while nothing ran come as one, and the phase stays", "embedded")
async def missed() -> None:
    class Kept(MemoryStore):
        def close(self) -> None:
            """The next run continues with it."""

    store = Kept()
    async with TestRuntime(Reminder, store=store) as runtime:
        await runtime.tell(ONE, "every 10")
    async with TestRuntime(Reminder, store=store, start=datetime(2026, 1, 1, 0, 0, 35, tzinfo=UTC)) as runtime:
        await runtime.clock.advance(6)

        assert runtime.state(ONE).fired == at("01 00:00:35", "01 00:00:40")


class Alarm(Entity, typename="conf/alarm"):
    """Notes when a cron line fires."""

    times: list[datetime] = persisted(factory=list)

    @handles(str)
    def begin(self, message: str) -> None:
        line, _, zone = message.rpartition(" ")
        self.send_every(line, self.address, 1, name="a", tz=zone)

    @handles(int)
    def ring(self, message: int) -> None:
        self.times.append(self.now)


async def rings(line: str, zone: str, begin: datetime, days: int) -> list[str]:
    """The local times at which *line* fires in *zone*, with their offsets."""
    address = Alarm.at("a")
    async with TestRuntime(Alarm, start=begin) as runtime:
        await runtime.tell(address, f"{line} {zone}")
        await runtime.clock.advance(days * 24 * 3600)
        return [f"{time.astimezone(ZoneInfo(zone)):%d %H:%M%z}" for time in runtime.state(address).times]


@R.once("R13", "a time that the clocks skip fires at the end of the gap", "embedded")
async def gaps() -> None:
    for zone, line, begin, expected in (
        ("Europe/Berlin", "30 2 * * *", datetime(2026, 3, 28, 12, tzinfo=UTC), ["29 03:00+0200", "30 02:30+0200"]),
        ("America/New_York", "30 2 * * *", datetime(2026, 3, 7, 12, tzinfo=UTC), ["08 03:00-0400", "09 02:30-0400"]),
        ("Australia/Lord_Howe", "15 2 * * *", datetime(2026, 10, 3, 4, tzinfo=UTC), ["04 02:30+1100", "05 02:15+1100"]),
        ("Asia/Beirut", "30 0 * * *", datetime(2026, 3, 28, 12, tzinfo=UTC), ["29 01:00+0300", "30 00:30+0300"]),
        ("America/St_Johns", "30 2 * * *", datetime(2026, 3, 7, 12, tzinfo=UTC), ["08 03:00-0230", "09 02:30-0230"]),
    ):
        assert await rings(line, zone, begin, 2) == expected


@R.once("R14", "a time that comes twice fires the first time only", "embedded")
async def doubles() -> None:
    for zone, line, begin, expected in (
        ("Europe/Berlin", "30 2 * * *", datetime(2026, 10, 24, 12, tzinfo=UTC), ["25 02:30+0200", "26 02:30+0100"]),
        ("America/New_York", "30 1 * * *", datetime(2026, 10, 31, 12, tzinfo=UTC), ["01 01:30-0400", "02 01:30-0500"]),
        ("Australia/Lord_Howe", "45 1 * * *", datetime(2026, 4, 4, 4, tzinfo=UTC), ["05 01:45+1100", "06 01:45+1030"]),
        ("Africa/Casablanca", "30 2 * * *", datetime(2026, 2, 14, 12, tzinfo=UTC), ["15 02:30+0100", "16 02:30+0000"]),
        ("America/St_Johns", "30 1 * * *", datetime(2026, 10, 31, 12, tzinfo=UTC), ["01 01:30-0230", "02 01:30-0330"]),
    ):
        assert await rings(line, zone, begin, 2) == expected


@R.once("R15", "a line whose minute or hour begins with * follows real time", "embedded")
async def real_time() -> None:
    fall, spring = datetime(2026, 10, 25, 0, 10, tzinfo=UTC), datetime(2026, 3, 29, 0, 10, tzinfo=UTC)

    assert (await rings("0 * * * *", "Europe/Berlin", fall, 1))[:2] == ["25 02:00+0100", "25 03:00+0100"]
    assert (await rings("30 */1 * * *", "Europe/Berlin", fall, 1))[:2] == ["25 02:30+0200", "25 02:30+0100"]
    assert (await rings("30 * * * *", "Europe/Berlin", spring, 1))[:2] == ["29 01:30+0100", "29 03:30+0200"]


@R.once(
    "R16",
    "with a day of month and a weekday that do not begin with *, either fits; with one that does, both",
    "embedded",
)
async def days() -> None:
    begin = datetime(2026, 1, 1, 12, tzinfo=UTC)

    assert await rings("0 0 7 * mon", "UTC", begin, 12) == ["05 00:00+0000", "07 00:00+0000", "12 00:00+0000"]
    assert await rings("0 0 */2 * mon", "UTC", begin, 20) == ["05 00:00+0000", "19 00:00+0000"]


@R.case("R17", "an order to begin and one to end in one handler count in their order", Can.TELL_TIME)
async def at_once(start: Start) -> None:
    async with start(Reminder) as engine:
        await engine.tell(ONE, "every 10", "end")
        await engine.tell(Reminder.at("2"), "every 10", "end", "every 5")
        await engine.advance(7)

        assert fired(engine) is None
        assert engine.state(Reminder.at("2"))["fired"] == at("01 00:00:05", message=5)


@R.once("R18", "firings of a cron line that were missed while nothing ran come as one, too", "embedded")
async def missed_lines() -> None:
    class Kept(MemoryStore):
        def close(self) -> None:
            """The next run continues with it."""

    store, address = Kept(), Alarm.at("a")
    async with TestRuntime(Alarm, store=store) as runtime:
        await runtime.tell(address, "0 9 * * * UTC")
    async with TestRuntime(Alarm, store=store, start=datetime(2026, 1, 4, 12, tzinfo=UTC)) as runtime:
        await runtime.clock.advance(24 * 3600)

        assert [f"{time:%d %H}" for time in runtime.state(address).times] == ["04 12", "05 09"]
