"""``expire_after_call=`` on a class: entities that end by themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from statefun_actors import DefinitionError, Entity, NoAnswer, answers, handles, persisted
from statefun_actors.model import Expiration
from statefun_actors.store import MemoryStore
from statefun_actors.testing import TestRuntime

DAY = timedelta(days=1)
DAY_MS = 24 * 60 * 60 * 1000


class Session(Entity, typename="test/session", expire_after_call=7 * DAY):
    pages: list[str] = persisted(factory=list)
    token: str | None = persisted(default=None, expire_after_write=DAY)
    seen: int = persisted(default=0, expire_after_call=DAY)

    @handles(str)
    def visit(self, message: str) -> None:
        self.pages.append(message)
        self.token = message
        self.seen += 1

    @handles(int)
    def look(self, message: int) -> int:
        return len(self.pages)

    @handles(float)
    def later(self, message: float) -> None:
        self.reply_address(then=self.came, timeout=timedelta(days=message))

    @answers
    def came(self, answer: int | NoAnswer) -> None:
        self.pages.append("came")


class Login(Session, typename="test/login"):
    name: str = persisted(default="")


class Brief(Session, typename="test/brief", expire_after_call=DAY):
    pass


def test_fields_that_say_nothing_themselves_have_the_class_s_time_to_live() -> None:
    def lives(cls: type[Entity]) -> dict[str, tuple[Expiration, int]]:
        return {spec.name: (spec.expiration, spec.ttl_ms) for spec in cls.__function_type__.states}

    own = {"token": (Expiration.AFTER_WRITE, DAY_MS), "seen": (Expiration.AFTER_CALL, DAY_MS)}
    week = (Expiration.AFTER_CALL, 7 * DAY_MS)
    assert lives(Session) == {"pages": week, **own}
    assert lives(Login) == {"pages": week, **own, "name": week}
    assert lives(Brief) == {"pages": (Expiration.AFTER_CALL, DAY_MS), **own}


async def test_an_entity_is_deleted_with_its_fields_and_a_message_or_an_answer_creates_it_again() -> None:
    store = MemoryStore()
    async with TestRuntime(Session, store=store) as runtime:
        ada = Session.at("ada")
        await runtime.tell(ada, "/")
        await runtime.clock.advance(6 * DAY)
        assert await runtime.ask(ada, 1, int) == 1  # counts as a call
        await runtime.clock.advance(6 * DAY)
        assert runtime.entities(Session) == [ada]

        await runtime.clock.advance(DAY)
        assert runtime.entities(Session) == []
        assert runtime.state(ada) == Session()
        await runtime.clock.advance(timedelta(minutes=2))
        await runtime.tell(Session.at("bob"), 1.0)
        assert store.counts().get("test/session", 0) == 0

        await runtime.tell(ada, "/again")
        assert runtime.entities(Session) == [ada]
        await runtime.clock.advance(8 * DAY)
        assert runtime.entities(Session) == []

        await runtime.tell(ada, 20.0)
        await runtime.clock.advance(21 * DAY)
        assert runtime.state(ada).pages == ["came"]


@pytest.mark.parametrize("ttl", [0, timedelta(0), -DAY, "7d"])
def test_a_time_to_live_is_a_timedelta(ttl: Any) -> None:
    with pytest.raises(DefinitionError) as raised:

        class Wrong(Entity, typename="test/wrong", expire_after_call=ttl):  # pyright: ignore[reportUnusedClass]
            one: int = persisted(default=0)
            two: int = persisted(default=0)

    [problem] = raised.value.problems
    assert problem.startswith("expire_after_call= is a timedelta of at least a millisecond, got ")
