"""An engine with a control socket, and a counter in it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from statefun_actors import Entity, handles, persisted
from statefun_actors.admin import ControlSocket, EngineControl
from statefun_actors.engine import SystemClock
from statefun_actors.store import Store
from statefun_actors.store.sqlite import SqliteStore
from tests.admin.control_checks import GIVEN
from tests.engine.engines import running


class Counter(Entity, typename="test/counter"):
    total: int = persisted(default=0)

    @handles
    def add(self, amount: int) -> None:
        self.total += amount


async def given(store: Store) -> Store:
    await store.commit(GIVEN)
    return store


@asynccontextmanager
async def engine_with_door(path: Path) -> AsyncGenerator[ControlSocket]:
    store = SqliteStore(path)
    await given(store)
    async with running(Counter, store=store, clock=SystemClock()) as engine:
        door = await ControlSocket.open(store, path, EngineControl(engine))
        try:
            yield door
        finally:
            await door.close()
    store.close()
