"""A failing store: the engine's waits, the messages that it takes, its log, and the recovery."""

from __future__ import annotations

import asyncio

from statefun_actors import Entity, handles, persisted
from statefun_actors.engine import ManualClock
from statefun_actors.ingress import Answer, IngressMessage, NotTaken, Taken
from statefun_actors.store import Commit, MemoryStore, StoreError
from statefun_actors.types import pack
from tests.engine.engines import held, running, send, until


class Counter(Entity, typename="test/counter"):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.n += message


A = Counter.at("a")


class Pausing(ManualClock):
    """Notes the pauses between two attempts."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await super().sleep(seconds)


class ReadOnly(MemoryStore):
    """Can be read all the time; the next ``fail`` commits fail."""

    fail = 0

    async def commit(self, commit: Commit) -> None:
        if self.fail:
            self.fail -= 1
            raise StoreError("test", "the disk is full")
        await super().commit(commit)


async def test_the_pauses_double_up_to_five_seconds_and_are_reset_by_a_success() -> None:
    store, clock = ReadOnly(), Pausing()
    async with running(Counter, store=store, clock=clock) as engine:
        store.fail = 9  # the commit itself, and eight attempts to find out whether the store works
        send(engine, A, pack(1))
        await until(lambda: not store.fail)
        await engine.idle()
        first = list(clock.pauses)
        send(engine, A, pack(2))
        await engine.idle()
        clock.pauses.clear()
        store.fail = 3
        send(engine, A, pack(4))
        await until(lambda: not store.fail)
        await engine.idle()

        assert first == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
        assert clock.pauses == [0.1, 0.2, 0.4]
        assert held(engine, A, "n") == 2


async def test_a_store_that_can_be_read_but_not_written_takes_nothing_until_it_can() -> None:
    store = ReadOnly()
    answers: list[Answer] = []
    async with running(Counter, store=store) as engine:
        store.fail = 1_000
        engine.take(IngressMessage(A, pack(1)), answers.append)
        await until(lambda: answers)
        before = store.fail
        ready: list[object] = []
        while store.fail > before - 5:
            ready += [engine.unready(), engine.view.lost is None]
            await asyncio.sleep(0)
        engine.take(IngressMessage(A, pack(1)), answers.append)
        store.fail = 0
        await until(lambda: engine.view.lost is None)
        engine.take(IngressMessage(A, pack(1)), answers.append)
        await engine.idle()

        assert set(ready) == {"store test: the disk is full", False}
        assert [type(answer) for answer in answers] == [NotTaken, NotTaken, Taken]
        assert (engine.unready(), held(engine, A, "n")) == (None, 1)
