"""Every control under the same checks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from statefun_actors.admin import Control, EngineControl, SocketControl, StoreControl, open_control
from statefun_actors.engine import SystemClock
from statefun_actors.partitions import Partition
from statefun_actors.store import MemoryStore, StoreReader, open_reader
from statefun_actors.store.partitioned import create_partitions, open_partition
from statefun_actors.store.sqlite import SqliteReader, SqliteStore
from tests.admin.control_checks import CHECKS, Check
from tests.admin.counted import Counter, engine_with_door, given
from tests.engine.engines import running


@asynccontextmanager
async def over_a_store_in_memory(folder: Path) -> AsyncGenerator[tuple[Control, StoreReader]]:
    store = await given(MemoryStore())
    yield StoreControl(store, SystemClock()), store


@asynccontextmanager
async def over_a_store_on_disk(folder: Path) -> AsyncGenerator[tuple[Control, StoreReader]]:
    (await given(SqliteStore(folder / "store.db"))).close()
    control = await open_control(folder / "store.db")
    assert isinstance(control, StoreControl)
    yield control, SqliteReader(folder / "store.db")
    await control.close()


@asynccontextmanager
async def over_an_engine(folder: Path) -> AsyncGenerator[tuple[Control, StoreReader]]:
    store = await given(MemoryStore())
    async with running(Counter, store=store, clock=SystemClock()) as engine:
        yield EngineControl(engine), store


@asynccontextmanager
async def over_a_door(folder: Path) -> AsyncGenerator[tuple[Control, StoreReader]]:
    async with engine_with_door(folder / "store.db"):
        control = await open_control(folder / "store.db")
        assert isinstance(control, SocketControl)
        yield control, SqliteReader(folder / "store.db")
        await control.close()


@asynccontextmanager
async def over_one_partition(folder: Path) -> AsyncGenerator[tuple[Control, StoreReader]]:
    """Of a store with several partitions, the numbers differ: see tests/partitions."""
    path = folder / "store.db"
    layout = await asyncio.to_thread(create_partitions, path, 1)
    (await given(open_partition(path, Partition(0, 1), layout.system))).close()
    control = await open_control(path)
    reader = open_reader(path)
    yield control, reader
    await control.close()
    reader.close()


WAYS: dict[str, Callable[[Path], AbstractAsyncContextManager[tuple[Control, StoreReader]]]] = {
    "memory": over_a_store_in_memory,
    "disk": over_a_store_on_disk,
    "engine": over_an_engine,
    "door": over_a_door,
    "partition": over_one_partition,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_every_control_keeps_to(check: Check, way: str, tmp_path: Path) -> None:
    async with WAYS[way](tmp_path) as (control, store):
        await check(control, store)
