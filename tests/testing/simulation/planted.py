"""Entities with a mistake each, which no run without faults shows, and a right one; with a scenario for each."""

from __future__ import annotations

import asyncio
import functools
import itertools
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import attrs

from statefun_actors import Entity, NoAnswer, answers, handles, message, persisted
from statefun_actors.testing import TestRuntime

Scenario = Callable[[TestRuntime], Awaitable[object]]


@message("planted/add")
@attrs.frozen
class Add:
    cents: int


@message("planted/start")
@attrs.frozen
class Start:
    count: int = 1


@message("planted/note")
@attrs.frozen
class Note:
    text: str


@message("planted/done")
@attrs.frozen
class Done:
    ok: bool = True


async def adds(runtime: TestRuntime, cls: Any) -> None:
    for cents in (1, 2, 3, 4):
        await runtime.tell(cls.at("ada"), Add(cents))


# --- state outside fields

cache: dict[str, int] = {}


class ModuleCache(Entity, typename="planted/module-cache"):
    """It keeps its sum in a module, and writes it to its field."""

    total: int = persisted(default=0)

    @handles(Start)
    def start(self, _: Start) -> None:
        cache[self.id] = 0

    @handles(Add)
    def add(self, added: Add) -> None:
        cache[self.id] = cache.get(self.id, 0) + added.cents
        self.total = cache[self.id]


async def module_cache(runtime: TestRuntime) -> None:
    await runtime.tell(ModuleCache.at("ada"), Start())
    await adds(runtime, ModuleCache)


class SharedDefault(Entity, typename="planted/shared-default"):
    """All entities share its list, which is no field."""

    seen: ClassVar[list[int]] = []
    count: int = persisted(default=0)

    @handles(Start)
    def start(self, _: Start) -> None:
        SharedDefault.seen.clear()

    @handles(Add)
    def add(self, added: Add) -> None:
        SharedDefault.seen.append(added.cents)
        self.count = len(SharedDefault.seen)


async def shared_default(runtime: TestRuntime) -> None:
    await runtime.tell(SharedDefault.at("ada"), Start())
    await adds(runtime, SharedDefault)


# --- outside calls


class Outside:
    def __init__(self) -> None:
        self.charged: list[int] = []

    def charge(self, cents: int) -> int:
        self.charged.append(cents)
        return len(self.charged)


outside = Outside()


class RepeatedCall(Entity, typename="planted/repeated-call"):
    """It charges a card in its handler."""

    receipts: list[int] = persisted(factory=list)

    @handles(Add)
    def add(self, added: Add) -> None:
        outside.charge(added.cents)


async def repeated_call(runtime: TestRuntime) -> object:
    outside.charged.clear()
    await adds(runtime, RepeatedCall)
    return sum(outside.charged)


class CallCount(Entity, typename="planted/call-count"):
    """It keeps the count of a service outside."""

    receipt: int = persisted(default=0)

    @handles(Add)
    def add(self, added: Add) -> None:
        self.receipt = outside.charge(added.cents)


async def call_count(runtime: TestRuntime) -> None:
    outside.charged.clear()
    await adds(runtime, CallCount)


# --- order


class Sender(Entity, typename="planted/sender"):
    @handles(Start)
    def start(self, _: Start) -> None:
        self.send(Collector.at("all"), Note(self.id))


class Fan(Entity, typename="planted/fan"):
    @handles(Start)
    def start(self, start: Start) -> None:
        for number in range(3):
            self.send(Sender.at(str(number)), start)


class Collector(Entity, typename="planted/collector"):
    """It assumes that notes of different senders come in the order of their numbers."""

    texts: list[str] = persisted(factory=list)

    @handles(Note)
    def note(self, note: Note) -> None:
        self.texts.append(note.text)


async def assumed_order(runtime: TestRuntime) -> None:
    await runtime.tell(Fan.at("x"), Start())


class Direct(Entity, typename="planted/direct"):
    """It sends to the ledger directly and over another entity, and assumes that the direct way is shorter."""

    @handles(Start)
    def start(self, _: Start) -> None:
        self.send(Relay.at("r"), Note("closed"))
        self.send(Ledger.at("l"), Note("opened"))


class Relay(Entity, typename="planted/relay"):
    @handles(Note)
    def note(self, note: Note) -> None:
        self.send(Ledger.at("l"), note)


class Ledger(Entity, typename="planted/ledger"):
    state: str = persisted(default="")

    @handles(Note)
    def note(self, note: Note) -> None:
        self.state = note.text


async def shorter_way(runtime: TestRuntime) -> None:
    await runtime.tell(Direct.at("d"), Start())


class FirstWins(Entity, typename="planted/first-wins"):
    """The first of two bidders gets it, though they are different senders."""

    winner: str = persisted(default="")

    @handles(Note)
    def note(self, note: Note) -> None:
        self.winner = self.winner or note.text


class Bidder(Entity, typename="planted/bidder"):
    @handles(Start)
    def start(self, _: Start) -> None:
        self.send(FirstWins.at("lot"), Note(self.id))


class Auction(Entity, typename="planted/auction"):
    @handles(Start)
    def start(self, start: Start) -> None:
        self.send(Bidder.at("ada"), start)
        self.send(Bidder.at("bob"), start)


async def first_wins(runtime: TestRuntime) -> None:
    await runtime.tell(Auction.at("a"), Start())


# --- batches


class BatchCounter(Entity, typename="planted/batch-counter"):
    """It sends its sum once it has ten, counted in a module."""

    total: int = persisted(default=0)

    @handles(Add)
    def add(self, added: Add) -> None:
        seen = cache.setdefault("batch", 0) + 1
        cache["batch"] = seen % 4
        self.total += added.cents
        if seen == 4:
            self.send_egress("planted/sums", Note(str(self.total)))


async def batch_counter(runtime: TestRuntime) -> None:
    cache.pop("batch", None)
    await adds(runtime, BatchCounter)


# --- identity of objects


class Identity(Entity, typename="planted/identity"):
    """It remembers its last note as an object, outside its fields."""

    changes: int = persisted(default=0)

    @handles(Note)
    def note(self, note: Note) -> None:
        if last.get(self.id) != note.text:
            last[self.id] = note.text
            self.changes += 1


last: dict[str, str] = {}


async def identity(runtime: TestRuntime) -> None:
    last.clear()
    for text in ("a", "a", "b"):
        await runtime.tell(Identity.at("x"), Note(text))


# --- long values


class LongLog(Entity, typename="planted/long-log"):
    """The last entry of its long log has a count that it keeps in a module."""

    entries: list[str] = persisted(factory=list)

    @handles(Add)
    def add(self, _: Add) -> None:
        cache["long"] = cache.get("long", 0) + 1
        self.entries += ["an entry of the log"] * 9
        if len(self.entries) == 36:
            self.entries.append(f"count {cache['long']}")


async def long_log(runtime: TestRuntime) -> None:
    cache.pop("long", None)
    await adds(runtime, LongLog)


class LongRecord(Entity, typename="planted/long-record"):
    """Its long record ends with a count that it keeps in a module."""

    @handles(Start)
    def start(self, _: Start) -> None:
        cache["long"] = cache.get("long", 0) + 1
        self.send_egress("planted/long", Note("-" * 300 + str(cache["long"])))


async def long_record(runtime: TestRuntime) -> None:
    cache.pop("long", None)
    await runtime.tell(LongRecord.at("x"), Start())


# --- conversations; what must hold is said by an invariant


class Shelf(Entity, typename="planted/shelf"):
    left: int = persisted(default=3)

    @handles(Add)
    def take(self, taken: Add) -> Done:
        self.left -= taken.cents
        return Done()


class Forgetful(Entity, typename="planted/forgetful"):
    """When the answer is late it believes that nothing was taken."""

    has: int = persisted(default=0)

    @handles(Start)
    def start(self, _: Start) -> None:
        self.ask(Shelf.at("s"), Add(1), then=self.taken, timeout=timedelta(seconds=5))

    @answers
    def taken(self, answer: Done | NoAnswer) -> None:
        if isinstance(answer, Done):
            self.has += 1


async def late_answer(runtime: TestRuntime) -> None:
    await runtime.tell(Forgetful.at("f"), Start())
    await runtime.clock.advance(60)


def nothing_lost(runtime: TestRuntime) -> None:
    left = runtime.state(Shelf.at("s")).left
    has = runtime.state(Forgetful.at("f")).has
    assert left + has == 3, f"{left} on the shelf and {has} taken are not 3"


class RacedTimer(Entity, typename="planted/raced-timer"):
    """It reminds once, unless the answer has come, which it takes to come before the reminder."""

    reminded: int = persisted(default=0)

    @handles(Start)
    def start(self, _: Start) -> None:
        self.ask(Shelf.at("s"), Add(1), then=self.taken, timeout=timedelta(hours=1))
        self.send_after(timedelta(minutes=1), self.address, Note("remind"), cancellation_token="reminder")

    @answers
    def taken(self, _: Done | NoAnswer) -> None:
        self.cancel("reminder")

    @handles(Note)
    def remind(self, _: Note) -> None:
        self.reminded += 1


async def raced_timer(runtime: TestRuntime) -> None:
    await runtime.tell(RacedTimer.at("r"), Start())
    await runtime.clock.advance(timedelta(days=1))


def never_reminded(runtime: TestRuntime) -> None:
    reminded = runtime.state(RacedTimer.at("r")).reminded
    assert reminded == 0, f"reminded {reminded} times"


# --- the right one


class Account(Entity, typename="planted/account"):
    balance: int = persisted(default=0)
    amounts: dict[int, int] = persisted(factory=dict)

    @handles(Add)
    def add(self, added: Add) -> Done:
        self.balance += added.cents
        self.amounts[added.cents] = self.amounts.get(added.cents, 0) + 1
        self.send(Audit.at("all"), Note(f"{self.id}: {added.cents}"))
        self.send_egress("planted/added", Note(str(added.cents)))
        self.send_after(timedelta(days=1), self.address, Note("interest"), cancellation_token="interest")
        return Done()

    @handles(Note)
    def interest(self, _: Note) -> None:
        self.balance += 1


class Audit(Entity, typename="planted/audit"):
    notes: set[str] = persisted(factory=set)
    count: int = persisted(default=0)

    @handles(Note)
    def note(self, note: Note) -> None:
        self.notes.add(note.text)
        self.count += 1


class Customer(Entity, typename="planted/customer"):
    confirmed: int = persisted(default=0)

    @handles(Start)
    def start(self, start: Start) -> None:
        for cents in range(start.count):
            self.ask(Account.at("shop"), Add(cents), then=self.added)

    @answers
    def added(self, answer: Done | NoAnswer) -> None:
        self.confirmed += isinstance(answer, Done)


async def right(runtime: TestRuntime) -> object:
    for who in ("ada", "bob"):
        for cents in (5, 7):
            await runtime.ask(Account.at(who), Add(cents), Done)
        await runtime.tell(Customer.at(who), Start(3))
    await runtime.clock.advance(timedelta(days=2))
    return runtime.state(Account.at("ada")).balance


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


class Grows(Entity, typename="planted/grows"):
    """It counts runs in a module, so each test begins where the last one ended."""

    runs: int = persisted(default=0)

    @handles(Start)
    def start(self, _: Start) -> None:
        cache["runs"] = self.runs = cache.get("runs", 0) + 1


async def grows(runtime: TestRuntime) -> None:
    await runtime.tell(Grows.at("x"), Start())


# --- threads and tasks


class Detached(Entity, typename="planted/detached"):
    """It hands its message to a queue in memory, and handles the queue with the next message."""

    total: int = persisted(default=0)

    @handles(Add)
    def add(self, added: Add) -> None:
        queue.append(added.cents)
        if len(queue) > 1:
            self.total += queue.pop(0)


queue: list[int] = []


async def detached(runtime: TestRuntime) -> None:
    queue.clear()
    await adds(runtime, Detached)


class Once(Entity, typename="planted/once"):
    """It takes each message once, by a set in a module, so that a crashed message is not repeated."""

    total: int = persisted(default=0)

    @handles(Add)
    def add(self, added: Add) -> None:
        if added.cents not in taken:
            taken.add(added.cents)
            self.total += added.cents


taken: set[int] = set()


async def once(runtime: TestRuntime) -> None:
    taken.clear()
    await adds(runtime, Once)


class Retried(Entity, typename="planted/retried"):
    """It sends only where its module says that it has not sent yet."""

    @handles(Start)
    def start(self, _: Start) -> None:
        if "sent" not in cache:
            cache["sent"] = 1
            self.send_egress("planted/sent", Note(self.id))


async def retried(runtime: TestRuntime) -> None:
    cache.pop("sent", None)
    await runtime.tell(Retried.at("x"), Start())


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


# --- sets


class Followed(Entity, typename="planted/followed"):
    """It sends to a list in the order of a set."""

    followers: set[str] = persisted(factory=set)

    @handles(Note)
    def follow(self, note: Note) -> None:
        self.followers.add(note.text)

    @handles(Start)
    def start(self, _: Start) -> None:
        for follower in self.followers:
            self.send(Collector.at("all"), Note(follower))


async def followed(runtime: TestRuntime) -> None:
    for name in ("ada", "bob", "eve", "joe", "sue", "tim"):
        await runtime.tell(Followed.at("x"), Note(name))
    await runtime.tell(Followed.at("x"), Start())


class ManyNames(Entity, typename="planted/many-names"):
    """Its sets are stored as sets, also within one another."""

    names: set[str] = persisted(factory=set)
    groups: set[frozenset[str]] = persisted(factory=set)

    @handles(Start)
    def start(self, _: Start) -> None:
        self.names = {f"name {number}" for number in range(100)}
        self.groups = {frozenset({f"{number}, {other}" for other in range(3)}) for number in range(9)}


async def many_names(runtime: TestRuntime) -> object:
    await runtime.tell(ManyNames.at("x"), Start())
    return {"groups": runtime.state(ManyNames.at("x")).groups}


NAMES = ("ada", "bob", "eve", "joe", "sue", "tim")


class DictOfSet(Entity, typename="planted/dict-of-set"):
    """It makes a dict in the order of a set."""

    counts: dict[str, int] = persisted(factory=dict)

    @handles(Start)
    def start(self, _: Start) -> None:
        self.counts = {name: len(name) for name in set(NAMES)}


async def dict_of_set(runtime: TestRuntime) -> None:
    await runtime.tell(DictOfSet.at("x"), Start())


# --- replies, and jumps of the clock; what must hold is said by invariants or by the scenario


class Desk(Entity, typename="planted/desk"):
    """It forgets to reply where the shelf did not answer in time."""

    @handles(Start)
    def start(self, _: Start) -> None:
        self.ask(Shelf.at("s"), Add(1), then=self.taken, timeout=timedelta(seconds=5))

    @answers
    def taken(self, answer: Done | NoAnswer) -> Note | None:
        return Note("taken") if isinstance(answer, Done) else None


async def forgotten_reply(runtime: TestRuntime) -> None:
    await runtime.ask(Desk.at("d"), Start(), Note)


def whatever(_: TestRuntime) -> None:
    """Any state is right."""


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


# --- numbers from outside the fields

numbers = itertools.count(1)


class Invoice(Entity, typename="planted/invoice"):
    """Its number is the next of a counter in a module, so that numbers are missing after a crash."""

    number: int = persisted(default=0)

    @handles(Start)
    def start(self, _: Start) -> None:
        self.number = next(numbers)


async def invoices(runtime: TestRuntime) -> None:
    global numbers  # noqa: PLW0603 - each run counts from 1
    numbers = itertools.count(1)
    for id in "abc":
        await runtime.tell(Invoice.at(id), Start())


@functools.cache
def price(id: str, cents: int) -> list[int]:
    return [cents]


class Cached(Entity, typename="planted/cached"):
    """It changes the result of a cached function."""

    prices: int = persisted(default=0)

    @handles(Add)
    def add(self, added: Add) -> None:
        found = price(self.id, 0)
        found.append(added.cents)
        self.prices = sum(found)


async def cached(runtime: TestRuntime) -> None:
    price.cache_clear()
    await adds(runtime, Cached)


class Background(Entity, typename="planted/background"):
    """A task of its handler calls a service, also if the message fails."""

    @handles(Add)
    async def add(self, added: Add) -> None:
        task = asyncio.create_task(self.charge(added.cents))
        await task

    async def charge(self, cents: int) -> None:
        outside.charge(cents)


async def background(runtime: TestRuntime) -> object:
    outside.charged.clear()
    await adds(runtime, Background)
    return list(outside.charged)
