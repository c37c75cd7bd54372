"""Entities with a mistake each, which no run without faults shows, and a right one; with a scenario for each."""

from __future__ import annotations

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
    """Its list is one that all share, beside the fields."""

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
    """It keeps what the outside counted."""

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
    """It takes each message once, by a set in a module, so what a crash undoes is not done again."""

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
