"""Entities whose classes remember something, as each test finds them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest

from statefun_actors.store import Store
from tests.engine.asked import Gate, Moody
from tests.engine.poison import WRITTEN
from tests.engine.refusing import RefusingStore, refusing_sqlite
from tests.engine.tallies import Tally


@pytest.fixture
def nothing_handled() -> None:
    Tally.handled.clear()


@pytest.fixture(params=["memory", "sqlite"])
def refusing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Collection[str]], Store]]:
    opened: list[Store] = []

    def open_store(tables: Collection[str] = WRITTEN) -> Store:
        memory = request.param == "memory"
        store: Store = RefusingStore(tables) if memory else refusing_sqlite(tmp_path / "store.db", tables)
        opened.append(store)
        return store

    yield open_store
    for store in opened:
        store.close()


@pytest.fixture
def closed_gate() -> None:
    Gate.open, Gate.entered = asyncio.Event(), 0
    Moody.cured = False
