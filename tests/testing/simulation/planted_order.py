"""Entities whose mistake is to rely on an order of messages, or of a set; with a scenario for each."""

from __future__ import annotations

from datetime import timedelta

from statefun_actors import Entity, NoAnswer, answers, handles, persisted
from statefun_actors.testing import TestRuntime
from tests.testing.simulation.planted import Add, Collector, Done, Note, Shelf, Start

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
