"""Both stores under the same checks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from statefun_actors.embedded import Commit, MemoryStore, SqliteStore, Store
from tests.embedded.store_checks import CHECKS, Check, answers, commits

STORES: dict[str, Callable[[Path], Store]] = {
    "memory": lambda path: MemoryStore(),
    "sqlite": SqliteStore,
    "sqlite-loop": lambda path: SqliteStore(path, commits="loop"),
    "sqlite-thread": lambda path: SqliteStore(path, commits="thread"),
}

IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Hundreds of stores one after another needn't wait for a disk."""


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    with TemporaryDirectory(dir=IN_MEMORY) as folder:
        store = STORES[request.param](Path(folder) / "store.db")
        yield store
        store.close()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_every_store_keeps_to(check: Check, store: Store) -> None:
    await check(store)


@settings(max_examples=60)
@given(st.lists(commits, min_size=1, max_size=6))
def test_all_stores_answer_alike_after_any_commits_and_after_being_opened_again(history: list[Commit]) -> None:
    async def commit_all(stores: list[Store]) -> None:
        for commit in history:
            for store in stores:
                await store.commit(commit)
            first, *others = [answers(store) for store in stores]
            for other in others:
                assert other == first

    with TemporaryDirectory(dir=IN_MEMORY) as folder:
        memory, path = MemoryStore(), Path(folder) / "store.db"
        stores: list[Store] = [memory, SqliteStore(path), SqliteStore(Path(folder) / "other.db", commits="thread")]

        asyncio.run(commit_all(stores))

        for store in stores:
            store.close()
        again = SqliteStore(path)
        assert answers(again) == answers(memory)
        again.close()
