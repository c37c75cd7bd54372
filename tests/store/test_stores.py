"""Both stores under the same checks."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from statefun_actors import Address
from statefun_actors.model import TypedValue
from statefun_actors.store import (
    Commit,
    CommitRefusedError,
    DeadLetterEntry,
    EgressRecord,
    EntityRow,
    KeyedRequest,
    MemoryStore,
    Message,
    RequestState,
    Store,
    StoreError,
    Timer,
)
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing.checks import STORE_CHECKS, Check
from tests.store.store_checks import answers, commits, histories

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


@pytest.mark.parametrize("check", STORE_CHECKS, ids=lambda check: check.__name__)
async def test_every_store_keeps_to(check: Check, store: Store) -> None:
    await check(store)


@settings(max_examples=settings().max_examples // 2)
@given(st.lists(commits, min_size=1, max_size=6))
def test_all_stores_answer_alike_after_any_commits_and_after_being_opened_again(history: list[Commit]) -> None:
    async def commit_all(stores: list[Store]) -> None:
        for commit in history:
            for store in stores:
                await store.commit(commit)
            first, *others = [(answers(store), histories(store)) for store in stores]
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
        assert histories(again) == histories(memory)
        again.close()


_FEW = [Address("t/a", id) for id in ("a", "b", "c", "\0", "d")]
_written = st.builds(
    EntityRow, st.sampled_from(_FEW), st.none() | st.binary(max_size=40), st.none() | st.integers(0, 3)
)
_beside = st.sampled_from(["", "", "", "VACUUM", "open again", "cancelled"])


@settings(max_examples=settings().max_examples // 2)
@given(
    st.lists(
        st.tuples(st.lists(_written, min_size=1, max_size=4, unique_by=lambda row: row.address), _beside),
        min_size=8,
        max_size=30,
    )
)
def test_entities_that_move_and_are_written_by_their_place_stay_what_they_are(
    history: list[tuple[list[EntityRow], str]],
) -> None:
    async def commit_all(memory: MemoryStore, path: Path) -> SqliteStore:
        store, moved = SqliteStore(path), False
        for rows, beside in history:
            commit = Commit(entities=rows)
            if beside == "VACUUM":  # by another program: it moves rows
                db = sqlite3.connect(path, isolation_level=None)
                db.execute("VACUUM")
                db.close()
                moved = True
            elif beside == "open again":
                store.close()
                store = SqliteStore(path)
            elif beside == "cancelled":
                writing = asyncio.create_task(store.commit(commit))
                await asyncio.sleep(0)
                writing.cancel()
                await asyncio.wait([writing])
            try:
                await store.commit(commit)
            except StoreError:
                assert moved
                await store.commit(commit)
            await memory.commit(commit)
            assert list(store.entities("t/a")) == list(memory.entities("t/a"))
        return store

    with TemporaryDirectory(dir=IN_MEMORY) as folder:
        memory = MemoryStore()
        store = asyncio.run(commit_all(memory, Path(folder) / "store.db"))
        assert store.drop_expired(9, 10) == memory.drop_expired(9, 10)
        assert store.integrity_check() == []
        store.close()


def small_sqlite(path: Path) -> Store:
    store = SqliteStore(path)
    assert store._files.writer is not None
    store._files.writer.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 50_000)
    return store


@pytest.mark.parametrize(
    "open_store", [lambda path: MemoryStore(largest_row=50_000), small_sqlite], ids=["memory", "sqlite"]
)
@pytest.mark.parametrize("text", ["t/v", "t/\0"], ids=["", "by row"])
async def test_a_row_that_is_too_large_is_refused_permanently_and_one_that_fits_is_not(
    tmp_path: Path, open_store: Callable[[Path], Store], text: str
) -> None:
    store, target = open_store(tmp_path / "store.db"), Address("t/a", "x")
    large, fits = TypedValue(text, bytes(50_001)), TypedValue(text, bytes(49_000))
    message = Message(1, target, large)
    for commit in (
        Commit(entities=[EntityRow(target, bytes(50_001))]),
        Commit(messages=[message]),
        Commit(timers=[Timer(1, 1, target, large)]),
        Commit(egress=[EgressRecord(1, "t/out", large)]),
        Commit(dead_letters=[DeadLetterEntry(1, message, "", "", 1, 1)]),
        Commit(requests=[KeyedRequest(target, "k", "", 1, "1", RequestState.REPLIED, large)]),
        Commit(messages=[Message(1, Address("t/a", "x" * 50_001), fits)]),
        Commit(positions={"in": "x" * 50_001}),
    ):
        with pytest.raises(CommitRefusedError):
            await store.commit(commit)

    messages = [Message(seq, target, fits) for seq in range(1, 6)]
    await store.commit(Commit(messages=messages))
    assert list(store.messages()) == messages
    store.close()
