"""A write-ahead log is applied only to its own file: replaced files of a store are detected."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from statefun_actors.store import Commit, StoreError
from statefun_actors.store.errors import StoreMismatchError
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.store.sqlite import store as sqlite_store
from statefun_actors.testing.checks.common import entity, ids
from tests.store.numbered import numbered
from tests.store.test_sqlite_crashes import agreed, kill_after

LOG_IS_ANOTHERS = (
    "store FILE: its log FILE-wal does not belong to it, but to another file that was in its place; nothing was "
    "changed. To restore a backup, use `statefun-actors restore`; to keep the file without the changes in "
    "the log, delete the log."
)
LOG_IS_MISSING = (
    "store FILE: its log FILE-wal is missing, with messages that were acknowledged. Put the log back as FILE-wal, or "
    "use `statefun-actors restore`; to continue without it, delete FILE.lock."
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def commit(store: SqliteStore, *names: str) -> None:
    asyncio.run(store.commit(Commit(entities=[entity(name) for name in names])))


def refusal(path: Path, work: Callable[[], object], kind: type[StoreError] = StoreMismatchError) -> str:
    with pytest.raises(kind) as caught:
        work()
    return str(caught.value).replace(str(path), "FILE")


def go_on(path: Path, *names: str) -> None:
    """A run that ends cleanly."""
    store = SqliteStore(path)
    commit(store, *names)
    store.close()


def sqlite(path: Path, command: str) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(command)
    db.close()


def backed_up(path: Path, copy: Path) -> None:
    reader = SqliteStore.open_reader(path)
    reader.backup(copy)
    reader.close()


def sqlite_backup(path: Path, copy: Path) -> None:
    db, target = sqlite3.connect(path), sqlite3.connect(copy)
    db.backup(target)
    db.close()
    target.close()


COPIES: dict[str, Callable[[Path, Path], object]] = {
    "backup": backed_up,
    "cp": shutil.copy,
    "SQLite's backup": sqlite_backup,
    "VACUUM INTO": lambda path, copy: sqlite(path, f"VACUUM INTO '{copy}'"),
}


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_put_over_a_store_that_was_killed_is_refused(path: Path, tmp_path: Path, copied: str) -> None:
    go_on(path, "ada")
    copy = tmp_path / "copy.db"
    COPIES[copied](path, copy)
    kill_after(path, "loop", 5)
    log = beside(path, "-wal").read_bytes()
    shutil.copy(copy, path)
    left = path.read_bytes()

    for open_it in (SqliteStore, SqliteStore.open_reader, lambda path: SqliteStore(path, brief=True)):
        assert refusal(path, lambda open_it=open_it: open_it(path)) == LOG_IS_ANOTHERS  # type: ignore[misc]

    assert (path.read_bytes(), beside(path, "-wal").read_bytes()) == (left, log)
    beside(path, "-wal").unlink()
    store = SqliteStore(path)
    assert ids(store) == ["ada"]
    store.close()


def test_a_backup_of_the_very_run_that_was_killed_is_refused(path: Path, tmp_path: Path) -> None:
    kill_after(path, "loop", 5)
    store = SqliteStore(path)
    backed_up(path, tmp_path / "copy.db")
    asyncio.run(store.commit(numbered(store.recover().next_seq)))
    killed = tmp_path / "killed"
    killed.mkdir()
    for suffix in ("", "-wal", ".lock"):
        shutil.copy(beside(path, suffix), beside(killed / "store.db", suffix))
    store.close()
    shutil.copy(tmp_path / "copy.db", killed / "store.db")

    assert refusal(killed / "store.db", lambda: SqliteStore(killed / "store.db")) == LOG_IS_ANOTHERS


def test_the_file_of_another_store_is_refused(path: Path, tmp_path: Path) -> None:
    go_on(tmp_path / "other.db", "eve")
    kill_after(path, "loop", 5)
    shutil.copy(tmp_path / "other.db", path)

    assert refusal(path, lambda: SqliteStore(path)) == LOG_IS_ANOTHERS


def test_the_database_of_another_application_in_its_place_is_refused(path: Path, tmp_path: Path) -> None:
    sqlite(tmp_path / "diary.db", "CREATE TABLE diary (day)")
    kill_after(path, "loop", 5)
    shutil.copy(tmp_path / "diary.db", path)

    assert refusal(path, lambda: SqliteStore(path), StoreError) == (
        "store FILE: it is the SQLite database of another application. Choose another path."
    )


@pytest.mark.parametrize("empty", [False, True])
def test_a_log_without_its_file_is_left_alone(path: Path, empty: bool) -> None:
    kill_after(path, "loop", 5)
    log, away = beside(path, "-wal").read_bytes(), path.read_bytes()
    path.unlink()
    if empty:
        path.touch()

    assert refusal(path, lambda: SqliteStore(path)) == (
        "store FILE: its file is missing or empty, but its log FILE-wal exists; nothing was changed. Put the "
        "file back, or use `statefun-actors restore`; to start with an empty store, delete the log."
    )

    assert beside(path, "-wal").read_bytes() == log
    path.write_bytes(away)
    store = SqliteStore(path)
    assert agreed(store) >= 5
    store.close()


def test_a_log_that_was_deleted_after_a_kill_is_missed(path: Path) -> None:
    go_on(path, "ada")
    kill_after(path, "loop", 5)
    beside(path, "-wal").unlink()

    assert refusal(path, lambda: SqliteStore(path)) == LOG_IS_MISSING
    assert refusal(path, lambda: SqliteStore.open_reader(path)) == LOG_IS_MISSING

    beside(path, ".lock").unlink()
    SqliteStore(path).close()


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_a_file_that_was_moved_or_copied_without_its_log_is_refused(path: Path, tmp_path: Path, how: str) -> None:
    kill_after(path, "loop", 5)
    other = tmp_path / "other.db"
    if how == "moved":
        path.rename(other)
    else:
        shutil.copy(path, other)

    assert refusal(path, lambda: SqliteStore(other)).replace(str(other), "OTHER") == (
        "store OTHER: it was moved or copied from FILE without its log FILE-wal. Put the log back as OTHER-wal, or use "
        "`statefun-actors restore`; to continue without it, delete FILE.lock."
    )

    shutil.copy(beside(path, "-wal"), beside(other, "-wal"))
    store = SqliteStore(other)
    assert agreed(store) >= 5
    store.close()


def test_a_store_that_ended_cleanly_may_be_moved_and_copied(path: Path, tmp_path: Path) -> None:
    go_on(path, "ada")
    shutil.copy(path, tmp_path / "copy.db")
    path.rename(tmp_path / "moved.db")

    for name in ("copy.db", "moved.db"):
        store = SqliteStore(tmp_path / name)
        assert ids(store) == ["ada"]
        store.close()


def test_a_program_that_brings_the_log_of_a_killed_run_home_does_no_harm(path: Path) -> None:
    last = kill_after(path, "loop", 5)
    sqlite(path, "UPDATE counter SET next_seq = next_seq")  # SQLite plays the log into the file, and deletes it
    assert not beside(path, "-wal").exists()

    store = SqliteStore(path)
    assert agreed(store) >= last
    store.close()


# While an engine runs


@pytest.mark.parametrize("commits", ["loop", "thread", "auto"])
@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_log_that_is_deleted_while_a_store_is_open_is_saved(
    path: Path, commits: str, suffix: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_store, "_LOG_PAGES", 40)
    store = SqliteStore(path, commits="loop" if commits == "loop" else "thread" if commits == "thread" else "auto")
    for n in range(1, 30):
        if n % 7 == 3:
            beside(path, suffix).unlink()
        asyncio.run(store.commit(numbered(n)))

    assert beside(path, suffix).exists()
    reader = SqliteStore.open_reader(path)
    assert agreed(reader) == agreed(store) == 29
    reader.close()
    assert [record.message for record in caplog.records] == [
        f"store {path}: its log was deleted; nothing is lost, and a new log was created"
    ] * 4
    store.close()
    again = SqliteStore(path)
    assert agreed(again) == 29
    again.close()


def test_a_log_that_was_deleted_while_somebody_reads_is_saved_once_that_ends(path: Path) -> None:
    store = SqliteStore(path)
    commit(store, "ada")
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM entity").fetchall()
    commit(store, "bob")
    beside(path, "-wal").unlink()

    assert refusal(path, lambda: commit(store, "eve"), StoreError) == (
        "store FILE: its log was deleted, and another program reads it. Stop that program."
    )

    reader.close()
    commit(store, "eve")
    assert ids(store) == ["ada", "bob", "eve"]
    store.close()
    assert ids(SqliteStore.open_reader(path)) == ["ada", "bob", "eve"]


@pytest.mark.parametrize("with_what", ["copy", "nothing", "other"])
def test_a_file_that_is_overwritten_while_a_store_is_open_ends_it(path: Path, tmp_path: Path, with_what: str) -> None:
    go_on(path, "ada")
    backed_up(path, tmp_path / "copy.db")
    go_on(tmp_path / "other.db", "eve")
    store = SqliteStore(path)
    commit(store, "bob")
    source = "/dev/null" if with_what == "nothing" else tmp_path / f"{with_what}.db"
    subprocess.run(["cp", source, path], check=True)

    assert refusal(path, lambda: commit(store, "zoe")) == (
        "store FILE: its file was overwritten while an engine ran on it, which ends; the messages acknowledged since "
        "it was last written are in its log. Stop the engine before a file is copied; to restore a backup, use "
        "`statefun-actors restore`."
    )

    store.close()
    assert re.match("store FILE: its (log|file)", refusal(path, lambda: SqliteStore(path)))


def test_a_program_that_brings_the_log_of_an_open_store_home_does_no_harm(path: Path) -> None:
    store = SqliteStore(path)
    for n in range(1, 20):
        asyncio.run(store.commit(numbered(n)))
        sqlite(path, f"PRAGMA wal_checkpoint({'TRUNCATE' if n % 2 else 'PASSIVE'})")

    assert agreed(store) == 19
    killed = path.with_name("killed.db")
    for suffix in ("", "-wal"):
        shutil.copy(beside(path, suffix), beside(killed, suffix))
    store.close()
    again = SqliteStore(killed)
    assert agreed(again) == 19
    again.close()
