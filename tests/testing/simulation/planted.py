"""Messages of the entities with a planted mistake, what several of them use, and entities without one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

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


# --- outside calls


class Outside:
    def __init__(self) -> None:
        self.charged: list[int] = []

    def charge(self, cents: int) -> int:
        self.charged.append(cents)
        return len(self.charged)


outside = Outside()


class Collector(Entity, typename="planted/collector"):
    """It assumes that notes of different senders come in the order of their numbers."""

    texts: list[str] = persisted(factory=list)

    @handles(Note)
    def note(self, note: Note) -> None:
        self.texts.append(note.text)


last: dict[str, str] = {}


# --- conversations; what must hold is said by an invariant


class Shelf(Entity, typename="planted/shelf"):
    left: int = persisted(default=3)

    @handles(Add)
    def take(self, taken: Add) -> Done:
        self.left -= taken.cents
        return Done()


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


taken: set[int] = set()


def whatever(_: TestRuntime) -> None:
    """Any state is right."""
