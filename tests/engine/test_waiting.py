"""Messages behind a failing one or a slow handler delay no other address, and memory stays bounded."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import ClassVar

import attrs
import pytest

from statefun_actors import Entity, handles, persisted
from statefun_actors.engine import EngineOptions, ManualClock
from statefun_actors.ingress import Answer, IngressMessage, Taken, TooMany
from statefun_actors.store import MemoryStore
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import pack
from tests.engine.engines import HeldStore, Listed, held, inbox_of, running, send, until

SMALL = EngineOptions(epoch_steps=15, batch=4, waiting=20, mailbox=10, suspended=5, slice_steps=3)
TIGHT = attrs.evolve(SMALL, held=12)


class Notes(Entity, typename="test/notes"):
    """Keeps its messages in order. The id ``ill`` fails until the test repairs it, ``slow`` waits for the test."""

    ill: ClassVar[bool]
    open: ClassVar[asyncio.Event]
    entered: ClassVar[list[str]]
    seen: list[int] = persisted(factory=list)

    @handles(int)
    async def note(self, message: int) -> None:
        Notes.entered.append(self.id)
        if self.id == "ill" and Notes.ill:
            raise ValueError("ill")
        if self.id.startswith("slow"):
            await Notes.open.wait()
        self.seen.append(message)


class Quick(Entity, typename="test/quick"):
    n: int = persisted(default=0)

    @handles(int)
    def count(self, message: int) -> None:
        self.n += message


class Fan(Entity, typename="test/fan"):
    """Sends the requested number of numbers to the notes of its id."""

    @handles(int)
    def spread(self, message: int) -> None:
        for number in range(message):
            self.send(Notes.at(self.id), number)


@pytest.fixture(autouse=True)
def _ill() -> Iterator[None]:
    Notes.ill, Notes.open, Notes.entered = True, asyncio.Event(), []
    yield
    Notes.ill = False


@pytest.mark.parametrize("id", ["ill", "slow"])
async def test_a_source_is_read_on_past_more_messages_than_may_wait(id: str) -> None:
    store = MemoryStore()
    messages = [(Notes.at(id), number) for number in range(100)] + [(Quick.at("q"), 1)] * 100
    async with running(Notes, Quick, store=store, options=SMALL, sources={"in": Listed(messages)}) as engine:
        await until(lambda: held(engine, Quick.at("q"), "n") == 100)
        await engine.durable()
        waiting, counts = engine.view.waiting, store.counts()
        mailbox = engine._core.working_set.mailboxes._by_address[Notes.at(id)]
        in_memory = len(mailbox.queue) + len(mailbox.running)
        Notes.ill = False
        Notes.open.set()
        clock = engine.clock
        assert isinstance(clock, ManualClock)
        clock.set_ms(clock.now_ms() + 60_000)
        await engine.idle()

        assert waiting == counts["messages"] == 100
        assert in_memory <= SMALL.mailbox + SMALL.batch
        assert held(engine, Notes.at(id), "seen") == list(range(100))
        assert engine.view.waiting == 0


async def test_however_many_suspended_ones_there_may_be_the_others_go_on() -> None:
    async with running(Notes, Quick, options=SMALL) as engine:
        for number in range(20):
            send(engine, Notes.at(f"slow {number}"), pack(number))
            send(engine, Quick.at("q"), pack(1))
        await until(lambda: held(engine, Quick.at("q"), "n") == 20)
        entered = list(Notes.entered)
        Notes.open.set()
        await engine.idle()

        assert entered == [f"slow {number}" for number in range(4)]  # three quarters of what the others leave
        assert Notes.entered[4:8] == [f"slow {number}" for number in range(4, 8)]
        assert sorted(Notes.entered) == sorted(f"slow {number}" for number in range(20))


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize(("seed", "options"), [(0, SMALL), (1, SMALL), (2, TIGHT), (3, TIGHT)])
async def test_order_is_kept_through_backlogs_failures_and_restarts(
    seed: int, options: EngineOptions, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    randomly = random.Random(seed)
    store = MemoryStore() if kind == "memory" else SqliteStore(tmp_path_factory.mktemp("store") / "s.db")
    clock = ManualClock()
    expected: list[int] = []
    for _ in range(4):
        async with running(Notes, Fan, store=store, clock=clock, options=options) as engine:
            Notes.ill = True
            for _ in range(4):
                count = randomly.randrange(60)
                send(engine, Fan.at("ill"), pack(count))
                expected += range(count)
                for _ in range(randomly.randrange(3)):
                    await engine.settled()
                Notes.ill = randomly.random() < 0.7
                clock.set_ms(clock.now_ms() + randomly.randrange(400))
                for _ in range(randomly.randrange(30)):
                    await asyncio.sleep(0)
            await engine.settled()
    async with running(Notes, Fan, store=store, clock=clock, options=options) as engine:
        Notes.ill = False
        clock.set_ms(clock.now_ms() + 60_000)
        await engine.idle()

        assert held(engine, Notes.at("ill"), "seen") == expected
    store.close()


async def test_a_backlog_whose_epochs_are_open_still_comes_from_them() -> None:
    store = HeldStore()
    async with running(Notes, Fan, store=store, options=SMALL) as engine:
        store.let_go.clear()
        send(engine, Fan.at("slow"), pack(35))
        await until(lambda: "slow" in Notes.entered)
        send(engine, Fan.at("slow"), pack(40))
        Notes.open.set()
        for _ in range(50):
            await asyncio.sleep(0)
        store.let_go.set()
        await engine.idle()

        assert held(engine, Notes.at("slow"), "seen") == [*range(35), *range(40)]


async def test_after_a_backlog_no_more_messages_are_taken_than_before() -> None:
    options, behind, answers = attrs.evolve(SMALL, held=30), list[Answer](), list[Answer]()
    async with running(Notes, options=options) as engine:
        for number in range(100):
            inbox_of(engine).submit(Notes.at("slow"), pack(number))
        engine.take(IngressMessage(Notes.at("slow"), pack(100)), behind.append)
        Notes.open.set()
        await engine.idle()
        Notes.open.clear()
        for number in range(31):
            engine.take(IngressMessage(Notes.at(f"slow {number}"), pack(number)), answers.append)
        refused = list(answers)
        Notes.open.set()
        await engine.idle()

        assert behind == [Taken()]  # only a few of those are in memory
        assert refused == [TooMany(30)]
        assert answers == [TooMany(30), *[Taken()] * 30]


async def test_messages_of_unserved_types_and_far_behind_are_counted_at_the_start_and_not_in_memory() -> None:
    store = MemoryStore()
    async with running(Fan, store=store, options=SMALL) as engine:
        send(engine, Fan.at("ill"), pack(50))
        send(engine, Fan.at("other"), pack(30))
        await engine.idle()
    async with running(Fan, store=store, options=SMALL) as engine:
        parked = (dict(engine.view.parked), engine.view.waiting, engine._core.working_set.mailboxes.held)
    async with running(Fan, Notes, store=store, options=SMALL) as engine:
        waiting = engine._core.working_set.mailboxes
        behind = (waiting.waiting, waiting.held)

    assert parked == ({"test/notes": 80}, 0, 0)
    assert behind == (80, 20)
