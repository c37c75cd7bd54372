"""The cost of many entities in counts: bytes written, memory, queries at a start.

The small form of ``python -m tests.benchmarks.growth``, which measures the same by the clock.
"""

from __future__ import annotations

import asyncio
import random
import tracemalloc
from pathlib import Path

import pytest

from statefun_actors import Address, Entity, handles, persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, EngineOptions, SystemClock
from statefun_actors.store import Commit, EntityRecord, EntityRow
from statefun_actors.store.entity_record import pack as packed
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.store.sqlite.gathering import Gathering, Plan
from statefun_actors.types import pack
from tests.engine.engines import send

HOT = 100


class Counter(Entity, typename="test/counter"):
    total: int = persisted(default=0)

    @handles
    def add(self, amount: int) -> None:
        self.total += amount


PACKED = packed(EntityRecord({"total": pack(7)}, {}, 1_700_000_000_000))


def address(number: int) -> Address:
    return Address("test/counter", f"{number:06}")


async def store_of(path: Path, population: int) -> SqliteStore:
    """A store with this number of entities, written in random order."""
    numbers = random.Random(1).sample(range(population), population)
    store = SqliteStore(path)
    for start in range(0, population, 2_000):
        rows = [EntityRow(address(number), PACKED) for number in numbers[start : start + 2_000]]
        await store.commit(Commit(entities=rows))
    store.close()
    return SqliteStore(path, commits="thread")


async def handled(store: SqliteStore, *numbers: int, cache_bytes: int = 1 << 20) -> None:
    """An engine has been started on *store*, and entities of these numbers have each got a message."""
    engine = Engine(Application(Counter), store, SystemClock(), options=EngineOptions(cache_bytes=cache_bytes))
    running = asyncio.create_task(engine.run())
    for start in range(0, len(numbers), 100):
        for number in numbers[start : start + 100]:
            send(engine, address(number), pack(1))
        await engine.idle()
    await engine.stop()
    await running


async def test_commits_of_hot_entities_do_not_grow_with_the_cold_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("statefun_actors.store.sqlite.store._LOG_PAGES", 1 << 30)  # all that is written stays in it

    async def bytes_written(population: int) -> int:
        path = tmp_path / f"{population}.db"
        store = await store_of(path, population)
        rng = random.Random(2)
        hot = [address(number) for number in rng.sample(range(population), HOT)]

        async def epochs(count: int) -> None:
            for _ in range(count):
                await store.commit(Commit(entities=[EntityRow(each, rng.randbytes(120)) for each in hot]))

        await epochs(3)  # so that they have become hot
        log = path.with_name(path.name + "-wal")
        before = log.stat().st_size
        await epochs(20)
        written = log.stat().st_size - before
        store.close()
        return written

    alone, among_others = await bytes_written(HOT), await bytes_written(100 * HOT)

    assert among_others < 1.1 * alone
    monkeypatch.setattr(Gathering, "plan", lambda self, rows: Plan())
    (tmp_path / f"{100 * HOT}.db").unlink()
    assert await bytes_written(100 * HOT) > 3 * alone  # that is what it would be, did they not move together


async def test_memory_does_not_grow_with_the_entities_that_have_been_in_use(tmp_path: Path) -> None:
    store = await store_of(tmp_path / "store.db", 1)

    async def peak(first: int, cache_bytes: int) -> int:
        tracemalloc.start()
        try:
            await handled(store, *range(first, first + 3_000), cache_bytes=cache_bytes)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    bounded, unbounded = await peak(0, 1 << 16), await peak(3_000, 1 << 30)
    counts = store.counts()
    store.close()

    assert counts["test/counter"] == 6_000
    assert bounded < 0.5 * unbounded


async def test_a_start_asks_no_more_of_a_large_store(tmp_path: Path) -> None:
    async def asked(population: int) -> list[str]:
        store = await store_of(tmp_path / f"{population}.db", population)
        assert store._files.writer is not None
        await handled(store, 0)  # since when the store remembers the class
        statements: list[str] = []
        store._files.writer.set_trace_callback(statements.append)
        await handled(store, 0)
        store._files.writer.set_trace_callback(None)
        store.close()
        return [" ".join(statement.split()) for statement in statements if statement.startswith("SELECT")]

    empty, large = await asked(1), await asked(10_000)

    assert large == empty
    assert not any("expires_ms" in query for query in large)  # nothing here expires
    assert len(large) <= 10  # positions are read twice: before was= moves what is stored, and after
