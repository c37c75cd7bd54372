"""Several SQLite stores stand still: who wants to commit waits."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from statefun_actors.store import Commit
from statefun_actors.store.sqlite import SqliteReader, SqliteStore, standstill
from statefun_actors.store.sqlite.connecting import connect_to_write


def is_locked(store: Path) -> bool:
    with closing(sqlite3.connect(store, isolation_level=None, timeout=0)) as db:
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        return False


@pytest.fixture
def stores(tmp_path: Path) -> list[Path]:
    both = [tmp_path / "first", tmp_path / "second"]
    for store in both:
        SqliteStore(store).close()
    return both


async def test_a_commit_waits_for_the_end(stores: list[Path]) -> None:
    with closing(SqliteStore(stores[1], commits="thread")) as store, ThreadPoolExecutor(1) as pool:
        with standstill(stores):
            assert [is_locked(each) for each in stores] == [True, True]
            wanted = pool.submit(_commit, stores[1])
            assert not wanted.done()
            assert "number" not in store.recover().positions
        wanted.result(30)
        assert store.recover().positions["number"] == "1"
        await store.commit(Commit(positions={"number": "2"}))
        assert [is_locked(each) for each in stores] == [False, False]


def _commit(store: Path) -> None:
    with closing(connect_to_write(store)) as db:
        db.execute("INSERT INTO position VALUES ('number', '1')")


def test_it_waits_for_a_commit_that_is_being_made(stores: list[Path]) -> None:
    begun, entered = threading.Event(), threading.Event()

    def stand_still() -> None:
        begun.set()
        with standstill(stores):
            entered.set()

    with closing(connect_to_write(stores[1])) as db, ThreadPoolExecutor(1) as pool:
        db.execute("BEGIN IMMEDIATE")
        waiting = pool.submit(stand_still)
        assert begun.wait(30)
        while not is_locked(stores[0]):  # until it has the first, and waits for the second
            assert not waiting.done()
            entered.wait(0.01)  # each look takes the lock itself for a moment
        assert not entered.is_set()
        db.execute("COMMIT")
        waiting.result(30)
    assert entered.is_set()


def test_it_waits_for_a_store_that_can_not_be_read_yet(stores: list[Path]) -> None:
    """As while the first connection after a crash reads the log."""
    entered = threading.Event()

    def stand_still() -> None:
        with standstill(stores):
            entered.set()

    with closing(connect_to_write(stores[1])) as db, ThreadPoolExecutor(1) as pool:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("BEGIN EXCLUSIVE")
        with closing(sqlite3.connect(stores[1], timeout=0)) as other, pytest.raises(sqlite3.OperationalError):
            other.execute("PRAGMA journal_mode")
        waiting = pool.submit(stand_still)
        while not is_locked(stores[0]) and not waiting.done():
            pass  # it has the first, and waits for the second
        assert not waiting.done()
        assert not entered.is_set()
        db.execute("ROLLBACK")
        db.close()
        waiting.result(30)
    assert entered.is_set()


def test_a_copy_is_left_alone(stores: list[Path]) -> None:
    """It may be in a folder that can't be written."""
    copy = stores[0].with_name("copy")
    with closing(SqliteReader(stores[0])) as reader:
        reader.backup(copy)
    with standstill([copy]):
        assert not is_locked(copy)
