"""Entities whose mistake is in what they expect of a clock; with a scenario for each."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from statefun_actors import Entity, handles, persisted
from statefun_actors.testing import TestRuntime
from tests.testing.simulation.planted import Add, Note, Start, adds

# --- time


class WallClock(Entity, typename="planted/wall-clock"):
    """It reads the clock of the machine."""

    seen: datetime | None = persisted(default=None)

    @handles(Add)
    def add(self, _: Add) -> None:
        self.seen = datetime.now(UTC)


async def wall_clock(runtime: TestRuntime) -> None:
    await adds(runtime, WallClock)


class KindOfDatetime(Entity, typename="planted/kind-of-datetime"):
    """It compares the class of its message, and reads no clock."""

    when: str = persisted(default="")

    @handles(datetime)
    def keep(self, message: datetime) -> datetime:
        self.when = "a datetime" if type(message) is datetime else "something else"
        return message


async def kind_of_datetime(runtime: TestRuntime) -> None:
    await runtime.ask(KindOfDatetime.at("x"), datetime(2026, 1, 1, tzinfo=UTC), datetime)


class Elapsed(Entity, typename="planted/elapsed"):
    """It counts days by the clock of the machine, on which a test takes no day."""

    last: int = persisted(default=0)
    days: int = persisted(default=0)

    @handles(Start)
    def start(self, _: Start) -> None:
        day = int(time.time()) // 86_400
        self.days += day != self.last
        self.last = day


async def elapsed(runtime: TestRuntime) -> None:
    await runtime.tell(Elapsed.at("x"), Start())
    await runtime.clock.advance(timedelta(days=2))
    await runtime.tell(Elapsed.at("x"), Start())


class Today(Entity, typename="planted/today"):
    """It keeps the day of the machine, which is the same in all runs."""

    day: int = persisted(default=0)

    @handles(Start)
    def start(self, _: Start) -> None:
        self.day = datetime.now(UTC).day


async def today(runtime: TestRuntime) -> None:
    await runtime.tell(Today.at("x"), Start())


class Punctual(Entity, typename="planted/punctual"):
    """It expects its alarm in the minute for which it was set."""

    rang: bool = persisted(default=False)
    due: datetime | None = persisted(default=None)

    @handles(Start)
    def start(self, _: Start) -> None:
        self.due = self.now + timedelta(minutes=10)
        self.send_after(timedelta(minutes=10), self.address, Note("ring"))

    @handles(Note)
    def ring(self, _: Note) -> None:
        self.rang = self.due is not None and self.now - self.due < timedelta(minutes=1)


async def punctual(runtime: TestRuntime) -> None:
    await runtime.tell(Punctual.at("p"), Start())
    await runtime.tell(Punctual.at("q"), Start())
    await runtime.clock.advance(timedelta(hours=1))


def rang(runtime: TestRuntime) -> None:
    assert all(runtime.state(Punctual.at(id)).rang for id in "pq"), "an alarm did not ring"


class Session(Entity, typename="planted/session"):
    """It expects two messages from outside on one day."""

    day: datetime | None = persisted(default=None)
    broken: bool = persisted(default=False)

    @handles(Start)
    def start(self, _: Start) -> None:
        self.day = self.now

    @handles(Note)
    def note(self, _: Note) -> None:
        assert self.day is not None
        self.broken = self.broken or self.now - self.day >= timedelta(days=1)


async def one_day(runtime: TestRuntime) -> None:
    await runtime.tell(Session.at("s"), Start())
    await runtime.tell(Session.at("s"), Note("x"))


def whole(runtime: TestRuntime) -> None:
    assert not runtime.state(Session.at("s")).broken, "the session is broken"
