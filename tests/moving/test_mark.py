"""A store that was moved is marked: no engine continues with it, but it can be moved again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from statefun_actors import AsyncRuntime
from statefun_actors.admin import export_store, import_store
from statefun_actors.store import (
    Commit,
    MemoryStore,
    Message,
    StoreMovedError,
    moved_position,
    open_alone,
    open_one_of,
    open_stopped,
)
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack
from tests.moving.house import SERVED
from tests.moving.test_moving import COUNT, flink, moved

TEXT = (
    "it was moved, at least in part, to the Flink job behind kafka:9092, where its delayed and recurring messages go "
    "on. Use that job. If you have discarded it, restore a backup, or start with --after-move (in Python: "
    "after_move=True)."
)


async def waiting(path: Path) -> None:
    store = SqliteStore(path)
    await store.commit(Commit(messages=[Message(1, COUNT, pack(3))], next_seq=2))
    store.close()


def marked(path: Path) -> None:
    with open_alone(path) as store:
        asyncio.run(store.note(moved_position("kafka:9092")))


def test_no_runtime_continues_with_it_unless_asked_to(tmp_path: Path) -> None:
    path = tmp_path / "house.db"
    asyncio.run(waiting(path))
    marked(path)

    async def start(*, after_move: bool) -> None:
        async with AsyncRuntime(*SERVED, store=path, after_move=after_move) as runtime:
            await runtime.tell(COUNT, 4)

    with pytest.raises(StoreMovedError) as raised:
        asyncio.run(start(after_move=False))
    with open_stopped(path) as reader:
        assert [each.value for each in reader.messages()] == [pack(3)]
    asyncio.run(start(after_move=True))

    assert str(raised.value) == f"store {path}: {TEXT}"
    assert raised.value.to == "kafka:9092"


async def test_a_store_in_memory_is_marked_too() -> None:
    store = MemoryStore()
    await store.commit(Commit(positions=moved_position("kafka:9092")))

    with pytest.raises(StoreMovedError) as raised:
        async with TestRuntime(*SERVED, store=store):
            pass

    assert str(raised.value) == f"store in memory: {TEXT}"


async def test_it_can_be_moved_again(tmp_path: Path) -> None:
    path = tmp_path / "house.db"
    await waiting(path)
    async with flink() as engine:
        await moved(path, engine)
        with open_alone(path) as store:
            await store.note(moved_position("kafka:9092"))
        again = await moved(path, engine)

        assert (+again.counts, again.left) == ({"waiting": 1}, [])
        assert engine.state(COUNT)["count"] == 3


async def test_each_partition_is_marked(tmp_path: Path) -> None:
    await waiting(tmp_path / "one.db")
    with open_stopped(tmp_path / "one.db") as reader:
        lines = list(export_store(reader, with_inputs=False))
    await import_store(lines, "lines", tmp_path / "two", partitions=2)

    with open_alone(tmp_path / "two") as store:
        await store.note(moved_position("kafka:9092"))

    for number in range(2):
        partition = open_one_of(tmp_path / "two", number)
        assert partition.recover().positions["moved"] == '"kafka:9092"'
        partition.close()
    with open_stopped(tmp_path / "two", with_inputs=False) as reader:
        assert reader.recover().positions["moved"] == '"kafka:9092"'
