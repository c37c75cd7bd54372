"""Commits are written whole or refused: on a full or failing disk, to a deleted file, beside other programs."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

import pytest

from statefun_actors.model import TypedValue
from statefun_actors.store import Commit, EgressRecord, Message, Timer
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing.checks.common import ADA, BOB, entity, ids
from tests.store.on_disk import commit, files_up_to, large, refusal
from tests.store.store_checks import answers

_T = TypeVar("_T")
VALUE: Final = TypedValue("t", b"x")


@pytest.fixture(params=["loop", "thread", "auto"])
def any_store(request: pytest.FixtureRequest, path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path, commits=request.param)
    yield store
    store.close()


def test_a_full_disk_refuses_the_commit_whole_and_the_next_one_works_once_there_is_room(any_store: SqliteStore) -> None:
    assert any_store._files.writer is not None
    asyncio.run(any_store.commit(large(1)))
    before = answers(any_store)
    (pages,) = any_store._files.writer.execute("PRAGMA page_count").fetchone()

    for more in (0, 1, 30, 350):  # full at the first page, or later
        any_store._files.writer.execute(f"PRAGMA max_page_count = {pages + more}")
        complaint = refusal(lambda: asyncio.run(any_store.commit(large(2))))

        assert complaint == f"store {any_store.path}: the disk is full. Free disk space."
        assert answers(any_store) == before
        commit(any_store, entity("1-0", bytes(3_000)))  # what needs no room is still written

    any_store._files.writer.execute("PRAGMA max_page_count = 1000000")
    asyncio.run(any_store.commit(large(2)))
    assert any_store.recover().positions == {"input": "2"}
    assert any_store.integrity_check() == []


def test_a_disk_that_fails_refuses_the_commit_whole_and_the_next_one_works_once_it_does(
    any_store: SqliteStore, path: Path
) -> None:
    asyncio.run(any_store.commit(large(1)))
    before = answers(any_store)
    written = path.with_name("store.db-wal").stat().st_size

    for more in (0, 5_000, 200_000):
        with files_up_to(written + more):
            complaint = refusal(lambda: asyncio.run(any_store.commit(large(2))))

        assert re.search("the disk is full|the disk failed: .*SQLITE_IOERR", complaint)
        assert answers(any_store) == before

    asyncio.run(any_store.commit(large(2)))
    assert any_store.recover().positions == {"input": "2"}
    assert any_store.integrity_check() == []


def test_a_store_that_was_deleted_refuses_commits_until_it_is_back(any_store: SqliteStore, path: Path) -> None:
    commit(any_store, entity("ada"))
    away = path.with_name("away.db")
    path.rename(away)

    assert refusal(lambda: commit(any_store, entity("bob"))) == (
        f"store {path}: its file was deleted, moved or replaced. Put it back."
    )
    shutil.copy(away, path)
    assert "replaced" in refusal(lambda: commit(any_store, entity("bob")))

    away.rename(path)
    commit(any_store, entity("bob"))
    assert ids(any_store) == ["ada", "bob"]


def test_another_program_that_writes_holds_a_commit_up_but_does_not_break_it(path: Path) -> None:
    store = SqliteStore(path, commits="thread")
    commit(store)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def meanwhile() -> None:
        writing = asyncio.create_task(store.commit(Commit(entities=[entity("ada")])))
        await asyncio.sleep(0)
        assert store.load([ADA]) == [None]
        other.execute("COMMIT")
        await writing

    asyncio.run(meanwhile())
    assert store.load([ADA]) == [b"packed"]
    other.close()
    store.close()


def test_the_loop_runs_on_while_a_commit_is_written(path: Path) -> None:
    with closing(SqliteStore(path, commits="thread")) as store, closing(sqlite3.connect(path)) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")  # the commit lasts until this ends

        async def turns_of_the_loop() -> None:
            writing = asyncio.create_task(store.commit(large(1)))
            for _ in range(20):
                await asyncio.sleep(0)
                assert store.load([ADA, BOB]) == [None, None]
                assert not writing.done()
            other.execute("COMMIT")
            await writing

        asyncio.run(turns_of_the_loop())
        assert store.recover().positions == {"input": "1"}


class Seen(list[_T]):
    """Notes the threads that read it."""

    def __init__(self, rows: Iterable[_T]) -> None:
        super().__init__(rows)
        self.threads: set[threading.Thread] = set()

    def __iter__(self) -> Iterator[_T]:
        self.threads.add(threading.current_thread())
        return super().__iter__()


@pytest.mark.parametrize(("commits", "on_loop"), [("loop", True), ("thread", False), ("auto", False)])
def test_the_thread_also_prepares_a_large_commit(path: Path, commits: str, *, on_loop: bool) -> None:
    store = SqliteStore(path, commits=commits)  # type: ignore[arg-type]
    messages = Seen(Message(seq, ADA, VALUE) for seq in range(1, 6_001))
    refused = Seen([*messages, Message(6_001, ADA, TypedValue("\ud800", b"x"))])
    messages.threads.clear()

    asyncio.run(store.commit(Commit(messages=messages, next_seq=6_001)))
    assert refusal(lambda: asyncio.run(store.commit(Commit(messages=refused, next_seq=6_002)))) == (
        f"store {path}: '\\ud800' can't be stored: it contains an unpaired surrogate. Send valid Unicode text."
    )

    assert {thread is threading.current_thread() for thread in (*messages.threads, *refused.threads)} == {on_loop}
    assert len(list(store.messages())) == 6_000
    store.close()


def test_delayed_messages_and_egress_records_count_for_a_large_commit(path: Path) -> None:
    store = SqliteStore(path)
    timers = Seen(Timer(seq, 1, ADA, VALUE) for seq in range(1, 3_001))
    egress = Seen(EgressRecord(seq, "bank/audit", VALUE) for seq in range(3_001, 6_001))

    asyncio.run(store.commit(Commit(timers=timers, egress=egress, next_seq=6_001)))

    assert threading.current_thread() not in timers.threads | egress.threads
    assert (len(store.timers_after(0, 0, 6_000)), store.egress_counts()) == (3_000, {"bank/audit": 3_000})
    store.close()


@pytest.mark.parametrize("commits", ["loop", "thread", "auto"])
def test_the_log_is_brought_home_and_used_again(path: Path, commits: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("statefun_actors.store.sqlite.store._LOG_PAGES", 300)
    store = SqliteStore(path, commits=commits)  # type: ignore[arg-type]
    for number in range(40):
        commit(store, *[entity(f"{n}", bytes([number]) * 1_500) for n in range(100)])

    assert path.with_name("store.db-wal").stat().st_size < 2_100 * 100 * 10
    assert path.stat().st_size > 1_500 * 100
    store.close()
