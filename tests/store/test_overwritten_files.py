"""Files of an open store that another program overwrites or truncates in place: it ends, and touches nothing."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Final, Literal

import pytest

from statefun_actors.store.errors import StoreMismatchError
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing.checks.common import entity, ids
from tests.store.on_disk import INSTEAD, OVERWRITTEN, commit, refusal

Commits = Literal["auto", "loop", "thread"]

CUT: Final = (
    "store {path}: its log was truncated or overwritten while an engine ran on it, which ends; messages acknowledged "
    f"since its file was last written can be lost. {INSTEAD}"
)
OLDER: Final = (
    "store {path}: its files were overwritten by an older state while an engine ran on them, which ends; messages "
    f"acknowledged since that state are lost. {INSTEAD}"
)


@pytest.fixture
def log(path: Path) -> Path:
    return path.with_name("store.db-wal")


def checkpoint(path: Path, mode: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()


# A backup over the file


@pytest.mark.parametrize("commits", ["auto", "loop", "thread"])
def test_the_end_leaves_the_log_and_a_file_that_was_overwritten_alone(
    path: Path, log: Path, tmp_path: Path, commits: Commits
) -> None:
    with closing(SqliteStore(path)) as store:
        commit(store, entity("ada"))
    shutil.copy(path, tmp_path / "copy.db")
    store = SqliteStore(path, commits=commits)
    commit(store, entity("bob"))
    kept = log.read_bytes()
    shutil.copy(tmp_path / "copy.db", path)

    assert refusal(store.close) == OVERWRITTEN.format(path=path)

    store.close()  # once is enough
    assert (path.read_bytes(), log.read_bytes()) == ((tmp_path / "copy.db").read_bytes(), kept)
    log.unlink()
    with closing(SqliteStore(path)) as store:
        assert ids(store) == ["ada"]


def test_the_end_keeps_the_log_of_a_file_that_was_replaced(path: Path, log: Path, tmp_path: Path) -> None:
    store = SqliteStore(path)
    commit(store, entity("ada"))
    kept = log.read_bytes()
    path.rename(tmp_path / "away.db")

    assert refusal(store.close) == f"store {path}: its file was deleted, moved or replaced. Put it back."

    assert log.read_bytes() == kept
    (tmp_path / "away.db").rename(path)
    with closing(SqliteStore(path)) as store:
        assert ids(store) == ["ada"]


def test_a_checkpoint_is_not_written_to_the_database_of_another_application(path: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "diary.db")) as db:
        db.execute("CREATE TABLE diary (day)")
    store = SqliteStore(path)
    commit(store, entity("ada"))
    shutil.copy(tmp_path / "diary.db", path)

    store._files.checkpoint()

    assert path.read_bytes() == (tmp_path / "diary.db").read_bytes()
    assert refusal(lambda: commit(store, entity("bob"))) == OVERWRITTEN.format(path=path)
    store.close()


# The log


@pytest.mark.parametrize("idle", [False, True])
@pytest.mark.parametrize("part", [0, 2])
def test_a_truncated_log_ends_the_store(path: Path, log: Path, part: int, idle: bool) -> None:
    store = SqliteStore(path)
    for name in ("ada", "bob", "eve"):
        commit(store, entity(name))
    os.truncate(log, log.stat().st_size // part if part else 0)
    left = path.read_bytes(), log.read_bytes()

    assert refusal(store.close if idle else lambda: commit(store, entity("zoe"))) == CUT.format(path=path)

    store.close()
    assert (path.read_bytes(), log.read_bytes()) == left
    if not part:
        with pytest.raises(StoreMismatchError, match=r"its log .* is missing, with messages that were acknowledged"):
            SqliteStore(path)


def test_a_checkpoint_is_not_run_on_a_truncated_log(path: Path, log: Path) -> None:
    store = SqliteStore(path)
    commit(store, entity("ada"))
    left = path.read_bytes()
    os.truncate(log, log.stat().st_size - 100)

    store._files.checkpoint()

    assert path.read_bytes() == left
    assert refusal(store.close) == CUT.format(path=path)


def test_a_log_that_is_truncated_after_all_of_it_was_written_to_the_file_is_created_again(
    path: Path, log: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = SqliteStore(path)
    commit(store, entity("ada"))
    checkpoint(path, "PASSIVE")
    os.truncate(log, 0)

    commit(store, entity("bob"))

    assert ids(store) == ["ada", "bob"]
    assert [record.getMessage() for record in caplog.records] == [
        f"store {path}: its log was truncated; nothing is lost, and a new log was created"
    ]
    store.close()
    with closing(SqliteStore.open_reader(path)) as reader:
        assert ids(reader) == ["ada", "bob"]


@pytest.mark.parametrize("idle", [False, True])
def test_a_log_that_a_checkpoint_of_another_program_truncates_is_in_order(
    path: Path, log: Path, idle: bool, caplog: pytest.LogCaptureFixture
) -> None:
    store = SqliteStore(path)
    commit(store, entity("ada"))
    checkpoint(path, "TRUNCATE")
    assert log.stat().st_size == 0

    if not idle:
        commit(store, entity("bob"))

    store.close()
    assert caplog.records == []
    with closing(SqliteStore.open_reader(path)) as reader:
        assert ids(reader) == (["ada"] if idle else ["ada", "bob"])


# An older state


@pytest.mark.parametrize("id", ["zoe", "by\0row"])
def test_an_older_copy_of_all_files_of_the_same_run_ends_the_store(path: Path, tmp_path: Path, id: str) -> None:
    store = SqliteStore(path)
    for number in range(2, 6):
        commit(store, entity("ada"), next_seq=number)
    checkpoint(path, "PASSIVE")  # the next commit begins the log again, which does not grow
    commit(store, entity("bob"), next_seq=6)
    copy = tmp_path / "copy"
    copy.mkdir()
    subprocess.run(["cp", "-a", *path.parent.glob("store.db*"), copy], check=True)
    commit(store, entity("eve"), next_seq=7)
    subprocess.run(["cp", "-a", *copy.glob("store.db*"), path.parent], check=True)

    assert refusal(lambda: commit(store, entity(id), next_seq=8)) == OLDER.format(path=path)

    store.close()
    with closing(SqliteStore(path)) as store:
        assert ids(store) == ["ada", "bob"]
