"""An entity's end."""

from __future__ import annotations

from datetime import timedelta

from statefun_actors import Address, Entity, NoAnswer, answers, handles, persisted
from statefun_actors.deploy import Wanted, planned_module
from statefun_actors.store import MemoryStore
from statefun_actors.testing import TestRuntime
from tests.conformance.cases.vocabulary import problems_of
from tests.conformance.engine import Can, Start
from tests.conformance.sections import ENDS as N
from tests.deploy.apps import served


class Session(Entity, typename="conf/session", expire_after_call=timedelta(seconds=5)):
    """Ends by itself."""

    pages: list[str] = persisted(factory=list)
    seen: int = persisted(default=0, expire_after_write=timedelta(seconds=60))

    @handles(str)
    def visit(self, message: str) -> None:
        self.pages.append(message)

    @handles(int)
    def look(self, message: int) -> None:
        self.seen += message


@N.case("N1", "expire_after_call= of a class is the TTL of each field that says nothing itself", Can.EXPIRE)
async def expires(start: Start) -> None:
    async with start(Session) as engine:
        ada = Session.at("ada")
        await engine.tell(ada, "/", 1)
        await engine.advance(6)
        await engine.tell(ada, 1)

        assert engine.state(ada) == {"seen": 2}


@N.once("N2", "an entity whose fields are all absent is gone, and a message makes it anew", "embedded")
async def ends() -> None:
    store = MemoryStore()
    async with TestRuntime(Session, store=store) as runtime:
        await runtime.tell(Session.at("ada"), "/")
        await runtime.clock.advance(70)
        await runtime.tell(Session.at("bob"), "/")

        assert [row.address.id for row in store.entities("conf/session")] == ["bob"]
        await runtime.tell(Session.at("ada"), "/")
        assert runtime.state(Session.at("ada")).pages == ["/"]


@N.once("N3", "module --format 1.0 refuses it")
def refused() -> None:
    [problem] = problems_of(lambda: planned_module(served(Session), Wanted(url="http://shop:8000", format="1.0")))

    assert problem.startswith("conf/session: format 1.0 has no expire_after_call=")


class Waiting(Entity, typename="conf/waiting", expire_after_call=timedelta(seconds=5)):
    """Asks, and ends before the answer comes."""

    notes: list[str] = persisted(factory=list)

    @handles(str)
    def ask_around(self, message: str) -> None:
        self.notes.append(message)
        self.ask(Address("conf/nobody", "n"), message, then=self.answered, timeout=20)
        self.send_every(timedelta(seconds=30), self.address, 1, name="again")

    @handles(int)
    def again(self, message: int) -> None:
        self.notes.append("fired")

    @answers
    def answered(self, answer: str | NoAnswer) -> None:
        self.notes.append(answer.reason if isinstance(answer, NoAnswer) else answer)


@N.once("N4", "open asks and schedules outlive an entity: their messages create it again", "embedded")
async def created_again() -> None:
    async with TestRuntime(Waiting) as runtime:
        await runtime.tell(Waiting.at("w"), "first")
        await runtime.clock.advance(21)
        answered = runtime.state(Waiting.at("w")).notes
        await runtime.clock.advance(10)

        assert answered == ["timeout"]
        assert runtime.state(Waiting.at("w")).notes == ["fired"]
