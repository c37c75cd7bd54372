"""Which control a store takes: with an engine, without one, and while one starts or ends."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from statefun_actors.admin import ControlSocket, EngineControl, Posting, open_control
from statefun_actors.engine import SystemClock
from statefun_actors.store import StoreError, StoreInUseError
from statefun_actors.store.sqlite import SqliteReader, SqliteStore
from tests.admin.control_checks import ADA, FIVE
from tests.admin.counted import Counter
from tests.engine.engines import running


async def test_without_a_store_there_is_no_control(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as refused:
        await open_control(tmp_path / "store.db")

    assert str(refused.value) == (
        f"store {tmp_path}/store.db: the file does not exist. `statefun-actors run` creates it."
    )


async def test_a_store_in_use_without_a_door_says_by_whom(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")

    with pytest.raises(StoreInUseError, match=f"it is in use by process {os.getpid()} since .*Z. Stop it first."):
        await open_control(tmp_path / "store.db", patience=0)
    store.close()


async def test_an_engine_that_has_closed_its_door_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore(path)
    async with running(Counter, store=store, clock=SystemClock()) as engine:
        await (await ControlSocket.open(store, path, EngineControl(engine))).close()
        opening = asyncio.create_task(open_control(path, patience=0))
        await asyncio.sleep(0)
        assert not opening.done()
    store.close()
    control = await opening
    await control.send([Posting(ADA, FIVE)])
    await control.close()

    reader = SqliteReader(path)
    assert reader.counts()["messages"] == 1
    reader.close()


async def test_a_door_that_opens_late_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore(path)
    async with running(Counter, store=store, clock=SystemClock()) as engine:
        opening = asyncio.create_task(open_control(path))
        await asyncio.sleep(0)
        door = await ControlSocket.open(store, path, EngineControl(engine))
        control = await opening
        await control.send([Posting(ADA, FIVE)])
        await control.close()
        await door.close()

        assert store.counts()["messages"] == 1
    store.close()


async def test_an_engine_that_starts_meanwhile_waits_for_a_control_without_one(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    SqliteStore(path).close()
    control = await open_control(path)

    opening = asyncio.create_task(asyncio.to_thread(SqliteStore, path))
    await control.send([Posting(ADA, FIVE)])
    assert not opening.done()
    await control.close()

    store = await opening
    assert store.counts()["messages"] == 1
    store.close()
