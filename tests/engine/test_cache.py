"""The cache of entities: eviction, seen by reads of the store, and no lost changes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

import pytest

from statefun_actors import Address, Entity, TerminalError, handles, persisted
from statefun_actors.engine import EngineOptions, ManualClock
from statefun_actors.types import pack
from tests.engine.engines import HeldStore, held, running, send, until


class Blob(Entity, typename="test/blob"):
    text: str = persisted(default="")

    @handles(str)
    def append(self, message: str) -> None:
        self.text += message


class Gate(Entity, typename="test/gate"):
    """Its handler waits until the test releases it, and then appends."""

    entered: ClassVar[asyncio.Event]
    open: ClassVar[asyncio.Event]
    text: str = persisted(default="", expire_after_write=timedelta(seconds=10))

    @handles(str)
    async def wait_and_append(self, message: str) -> None:
        Gate.entered.set()
        await Gate.open.wait()
        self.text += message

    @handles(bytes)
    def append(self, message: bytes) -> None:
        self.text += message.decode()


class Failing(Entity, typename="test/failing"):
    """Gives up each message."""

    text: str = persisted(default="")

    @handles(str)
    def fail(self, message: str) -> None:
        raise TerminalError(self.text + message)


class Reading(HeldStore):
    """Notes which entities are read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[Address] = []

    def load(self, addresses: Sequence[Address]) -> list[bytes | None]:
        self.read += addresses
        return super().load(addresses)


SMALL = EngineOptions(cache_bytes=5_000)
FIRST = Blob.at("0")
GATE = Gate.at("g").typename


@pytest.fixture(autouse=True)
def closed_gate() -> None:
    Gate.entered, Gate.open = asyncio.Event(), asyncio.Event()


async def test_a_mailbox_beyond_its_bound_is_read_again_from_the_store() -> None:
    store = Reading()
    async with running(Blob, store=store, options=SMALL) as engine:
        for number in [0, 1, 2, 0]:  # so few that only what they have grown by is beyond the bound
            send(engine, Blob.at(str(number)), pack("x" * 3_000))
            await engine.idle()

        assert store.read.count(FIRST) == 2
        assert held(engine, FIRST, "text") == "x" * 6_000


async def test_a_mailbox_within_its_bound_is_read_once() -> None:
    store = Reading()
    async with running(Blob, store=store, options=SMALL) as engine:
        for number in [*range(3), *range(3), *range(3)]:
            send(engine, Blob.at(str(number)), pack("x" * 200))
            await engine.idle()

        assert [store.read.count(Blob.at(str(number))) for number in range(3)] == [1, 1, 1]


async def test_long_ids_count_as_memory_for_entities() -> None:
    async with running(Blob, options=SMALL) as engine:
        for number in range(10):
            send(engine, Blob.at(f"{number}" + "x" * 2_000), pack("x"))
            await engine.idle()

        cache = engine._core.working_set.cache
        assert len(cache) == 1
        cache.clear()
        for number in range(10):
            cache.new(Blob.at(f"{number}" + "x" * 2_000))
            cache.forget(Blob.at(f"{number}" + "x" * 2_000))
        assert cache.bytes == 0


async def test_entities_in_constant_use_stay_in_the_cache() -> None:
    store = Reading()
    async with running(Blob, store=store, options=SMALL) as engine:
        for number in range(1, 40):
            for address, text in ((FIRST, "."), (Blob.at(str(number)), "x" * 1_000)):
                send(engine, address, pack(text))
                await engine.idle()

        assert store.read.count(FIRST) == 1
        assert held(engine, FIRST, "text") == "." * 39


async def test_an_entity_whose_handler_waits_is_not_evicted() -> None:
    store = Reading()
    async with running(Blob, Gate, store=store, options=EngineOptions(cache_bytes=1)) as engine:
        send(engine, Gate.at("g"), pack("first"))
        await Gate.entered.wait()
        for number in range(3):  # each commit empties the cache
            send(engine, Blob.at(str(number)), pack("x"))
            await engine.durable()
        store.let_go.clear()
        Gate.open.set()
        await until(lambda: held(engine, Gate.at("g"), "text") == "first")
        send(engine, Gate.at("g"), pack(b" second"))
        await until(lambda: not engine.view.waiting)

        assert held(engine, Gate.at("g"), "text") == "first second"


async def test_a_row_that_expires_during_its_handler_is_not_deleted() -> None:
    store, clock = HeldStore(), ManualClock()
    async with running(Blob, Gate, store=store, clock=clock) as engine:
        send(engine, Gate.at("g"), pack(b"old"))
        await engine.idle()
        clock.set_ms(clock.now_ms() + 55_000)
        send(engine, Gate.at("g"), pack("first"))
        await Gate.entered.wait()
        clock.set_ms(clock.now_ms() + 6_000)  # expired rows are looked for each minute
        send(engine, FIRST, pack("x"))
        await engine.durable()
        store.let_go.clear()
        Gate.open.set()
        await until(lambda: held(engine, Gate.at("g"), "text") == "first")
        send(engine, Gate.at("g"), pack(b" second"))
        await until(lambda: not engine.view.waiting)
        text = held(engine, Gate.at("g"), "text")
        store.let_go.set()
        await engine.idle()

        assert text == "first second"
        assert held(engine, Gate.at("g"), "text") == "first second"


class Sweeping(HeldStore):
    """Counts the searches for expired rows."""

    searches = 0

    def drop_expired(self, now_ms: int, limit: int) -> list[Address]:
        self.searches += 1
        return super().drop_expired(now_ms, limit)


async def test_expired_rows_of_paused_entities_are_deleted_though_messages_wait() -> None:
    store, clock = Sweeping(), ManualClock()
    async with running(Gate, store=store, clock=clock) as engine:
        for number in range(600):
            send(engine, Gate.at(str(number)), pack(b"old"))
        await engine.idle()
        await engine.apply(lambda: engine.changes.pause([GATE]))
        for number in range(600):
            send(engine, Gate.at(str(number)), pack(b"new"))
        await engine.idle()
        clock.set_ms(clock.now_ms() + 61_000)  # expired rows are looked for each minute
        engine.wake()
        await until(lambda: not list(store.entities(GATE)))
        await engine.apply(lambda: engine.changes.resume([GATE]))
        await engine.idle()

        assert held(engine, Gate.at("0"), "text") == "new"


async def test_a_search_that_finds_only_rows_of_running_handlers_is_not_repeated_at_once() -> None:
    store, clock, number = Sweeping(), ManualClock(), 500
    async with running(Gate, store=store, clock=clock) as engine:
        for each in range(number):
            send(engine, Gate.at(str(each)), pack(b"old"))
        await engine.idle()
        for each in range(number):
            send(engine, Gate.at(str(each)), pack("new"))
        await until(lambda: engine._loop._runner.suspended == number)
        clock.set_ms(clock.now_ms() + 61_000)  # expired rows are looked for each minute
        before = store.searches
        for _ in range(3):
            await engine.durable()

        assert store.searches == before + 1
        assert len(list(store.entities(GATE))) == number
        Gate.open.set()
        await engine.idle()


async def test_an_entity_whose_message_was_given_up_leaves_the_memory_like_any_other() -> None:
    store = Reading()
    async with running(Blob, Failing, store=store, options=EngineOptions(cache_bytes=1)) as engine:
        for _ in range(3):
            send(engine, Failing.at("f"), pack("no"))
            await engine.idle()
            send(engine, FIRST, pack("x"))
            await engine.idle()

        assert store.read.count(Failing.at("f")) == 3
        assert [letter.error for letter in engine.view.dead_letters()] == ["no"] * 3


class Leaving(Entity, typename="test/leaving"):
    text: str = persisted(default="")

    @handles(str)
    def append(self, message: str) -> None:
        self.text += message

    @handles(bool)
    def leave(self, message: bool) -> None:
        self.clear()


async def test_an_entity_without_states_leaves_the_cache_once_that_is_durable() -> None:
    store, address = Reading(), Leaving.at("1")
    async with running(Leaving, store=store) as engine:
        for value in ("a", "b", True):
            send(engine, address, pack(value))
            await engine.idle()
        assert store.read == [address]
        send(engine, address, pack("c"))
        await engine.idle()

        assert store.read == [address, address]
        assert held(engine, address, "text") == "c"


async def test_an_entity_that_has_states_again_when_its_end_is_durable_stays_in_the_cache() -> None:
    store, address = Reading(), Leaving.at("1")
    async with running(Leaving, store=store) as engine:
        send(engine, address, pack("a"))
        await engine.idle()
        store.let_go.clear()
        begun = store.begun
        send(engine, address, pack(True))
        await until(lambda: store.begun > begun)
        send(engine, address, pack("b"))
        await until(lambda: held(engine, address, "text") == "b")
        store.let_go.set()
        await engine.idle()
        send(engine, address, pack("c"))
        await engine.idle()

        assert store.read == [address]
        assert held(engine, address, "text") == "bc"
