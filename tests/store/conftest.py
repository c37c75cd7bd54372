"""A store on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from statefun_actors.store.sqlite import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path)
    yield store
    store.close()
