"""Many messages that are taken together enter over several turns of the event loop, and are stored by one commit."""

from __future__ import annotations

import asyncio

from statefun_actors import Entity, handles, persisted
from statefun_actors.engine import EngineOptions
from statefun_actors.engine.entering import PART
from statefun_actors.ingress import Answer, IngressMessage, NotTaken, Taken, TooMany
from statefun_actors.store import Commit, MemoryStore
from statefun_actors.types import pack
from tests.engine.engines import HeldStore, held, running, send, until
from tests.engine.refusing import RefusingStore

ROOM = EngineOptions(held=10 * PART)
COUNT = 4 * PART + 1


class Noted(Entity, typename="test/noted"):
    """Keeps what it gets, in order."""

    seen: list[int] = persisted(factory=list)

    @handles(int)
    def note(self, message: int) -> None:
        self.seen.append(message)


class Counting(MemoryStore):
    """Notes up to which message each commit goes."""

    def __init__(self) -> None:
        super().__init__()
        self.seqs: list[int] = []

    async def commit(self, commit: Commit) -> None:
        self.seqs.append(commit.next_seq)
        await super().commit(commit)


def many(count: int = COUNT) -> list[IngressMessage]:
    return [IngressMessage(Noted.at(f"{number % 100}"), pack(number)) for number in range(count)]


async def test_each_turn_adds_a_part_and_one_commit_has_them_all_in_order() -> None:
    store, answers = Counting(), list[Answer]()
    async with running(Noted, store=store, options=ROOM) as engine:
        await engine.idle()
        first = engine._core.working_set.next_seq
        before = len(store.seqs)
        engine.take_all(many(), answers.append)
        grown = []
        while engine._core.working_set.entering.left:
            seq = engine._core.working_set.next_seq
            await asyncio.sleep(0)
            grown.append(engine._core.working_set.next_seq - seq)
            if engine._core.working_set.entering.left:
                assert (len(store.seqs), answers) == (before, [])
        await engine.idle()

        assert max(grown) == PART
        assert store.seqs[before] == first + COUNT
        assert answers == [Taken()]
        for number in range(100):
            assert held(engine, Noted.at(f"{number}"), "seen") == list(range(number, COUNT, 100))


async def test_what_comes_meanwhile_is_taken_and_others_that_are_many_too() -> None:
    answers: list[Answer] = []
    async with running(Noted, options=ROOM) as engine:
        engine.take_all(many(), answers.append)
        engine.take_all(many(2 * PART), answers.append)
        await asyncio.sleep(0)
        alone = send(engine, Noted.at("alone"), pack(1))
        await engine.idle()

        assert (alone, answers) == ([Taken()], [Taken(), Taken()])
        seen = held(engine, Noted.at("7"), "seen")
        assert isinstance(seen, list)
        assert sorted(seen) == sorted([*range(7, COUNT, 100), *range(7, 2 * PART, 100)])


async def test_they_count_as_waiting_before_they_have_entered() -> None:
    answers: list[Answer] = []
    async with running(Noted, options=EngineOptions(held=COUNT)) as engine:
        engine.take_all(many(), answers.append)
        engine.take_all(many(2), answers.append)
        engine.take(IngressMessage(Noted.at("a"), pack(1)), answers.append)
        await engine.idle()

    assert answers == [TooMany(COUNT), TooMany(COUNT), Taken()]


async def test_none_is_taken_if_the_store_fails_meanwhile() -> None:
    store, answers = HeldStore(), list[Answer]()
    async with running(Noted, store=store, options=ROOM) as engine:
        store.let_go.clear()
        send(engine, Noted.at("before"), pack(1))
        await until(lambda: store.begun)
        engine.take_all(many(), answers.append)
        await until(lambda: engine._core.working_set.entering.left < COUNT)
        assert engine._core.working_set.entering.left
        store.fail = True
        store.let_go.set()
        await until(lambda: answers)
        assert answers == [NotTaken("store test: the disk is full")]
        store.fail = False
        await until(lambda: engine.unready() is None)
        await engine.idle()

        assert (engine.view.waiting, held(engine, Noted.at("0"), "seen")) == (0, None)


async def test_an_engine_that_stops_takes_all_that_have_begun_to_enter() -> None:
    store, answers = MemoryStore(), list[Answer]()
    async with running(Noted, store=store, options=ROOM) as engine:
        engine.take_all(many(), answers.append)
        await until(lambda: engine._core.working_set.entering.left < COUNT)
    assert answers == [Taken()]
    async with running(Noted, store=store, options=ROOM) as engine:
        await engine.idle()

        assert held(engine, Noted.at("7"), "seen") == list(range(7, COUNT, 100))


async def test_they_are_stored_alone_if_a_refused_message_is_looked_for() -> None:
    store, answers = RefusingStore(("entity",)), list[Answer]()
    async with running(Noted, store=store, options=ROOM) as engine:
        send(engine, Noted.at("poison"), pack(1))
        engine.take_all(many(), answers.append)
        await until(lambda: answers)
        await engine.idle()

        assert (store.refused, answers) == (2, [Taken()])
        assert held(engine, Noted.at("7"), "seen") == list(range(7, COUNT, 100))
