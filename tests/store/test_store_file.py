"""The file of a store: made, closed, opened again; files that are no store, and rights that are missing."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from statefun_actors.store import FileUse, Recovered, has_partitions, wrong_uses
from statefun_actors.store.sqlite import SqliteReader, SqliteStore, replace_store, restore_store
from statefun_actors.testing.checks.common import ADA, entity, ids
from tests.store.on_disk import commit, names, refusal
from tests.store.store_checks import answers


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "not" / "there yet" / "store.db"))
    commit(store, entity("ada"))
    store.close()

    assert (tmp_path / "not" / "there yet" / "store.db").exists()


def test_a_path_may_look_like_anything(tmp_path: Path) -> None:
    path = tmp_path / "50% off?#&=é '\"" / "mode=ro&x"
    store = SqliteStore(path)
    commit(store, entity("ada"))

    assert ids(SqliteStore.open_reader(path)) == ["ada"]
    store.close()


def test_a_closed_store_leaves_one_file_and_its_lock(store: SqliteStore, path: Path) -> None:
    commit(store, entity("ada"))
    store.close()

    assert names(path.parent) == ["store.db", "store.db.lock"]


def test_commits_are_there_after_reopening(store: SqliteStore, path: Path) -> None:
    commit(store, entity("ada"), next_seq=7)
    before = answers(store)
    store.close()

    again = SqliteStore(path)

    assert answers(again) == before
    assert again.recover() == Recovered(7, {})
    again.close()


def test_a_closed_store_says_so(store: SqliteStore, path: Path) -> None:
    store.close()

    assert refusal(lambda: store.load([ADA])) == f"store {path}: it is closed"
    assert refusal(lambda: commit(store)) == f"store {path}: it is closed"


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()

    store = SqliteStore(path)
    commit(store, entity("ada"))

    assert ids(store) == ["ada"]
    store.close()


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_text("Dear diary, " * 1_000)

    assert (
        refusal(lambda: SqliteStore(path)) == f"store {path}: the file is not a SQLite database. Choose another path."
    )
    assert path.read_text() == "Dear diary, " * 1_000
    assert names(path.parent) == ["store.db"]


@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
@pytest.mark.parametrize(
    "mark",
    ["CREATE TABLE diary (day)", "PRAGMA user_version = 1", "PRAGMA application_id = 7; CREATE TABLE entity (id)"],
)
def test_the_database_of_another_application_is_refused_and_left_alone(path: Path, mark: str, journal: str) -> None:
    theirs = sqlite3.connect(path)
    theirs.executescript(f"PRAGMA journal_mode = {journal}; {mark}")
    theirs.close()
    before = path.read_bytes()

    complaint = refusal(lambda: SqliteStore(path))

    assert complaint == f"store {path}: it is the SQLite database of another application. Choose another path."
    assert refusal(lambda: SqliteStore.open_reader(path)) == complaint
    assert path.read_bytes() == before


def test_another_applications_database_that_was_not_closed_keeps_its_log(path: Path) -> None:
    theirs = sqlite3.connect(path, isolation_level=None)
    theirs.executescript("PRAGMA journal_mode = WAL; CREATE TABLE diary (day); INSERT INTO diary VALUES (1)")
    crashed = path.with_name("crashed.db")
    for end in ("", "-wal"):
        subprocess.run(["cp", f"{path}{end}", f"{crashed}{end}"], check=True)
    theirs.close()
    log = crashed.with_name("crashed.db-wal").read_bytes()

    assert "another application" in refusal(lambda: SqliteStore(crashed))
    assert crashed.with_name("crashed.db-wal").read_bytes() == log


def test_a_path_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.db").mkdir()

    assert refusal(lambda: SqliteStore(tmp_path / "file" / "store.db")) == (
        f"store {tmp_path}/file/store.db: it can't be opened: File exists: {tmp_path}/file. Choose another path."
    )
    folder = tmp_path / "folder.db"
    assert refusal(lambda: SqliteStore(folder)) == f"store {folder}: it is a folder. Name a file in it."
    assert refusal(lambda: SqliteStore("/proc/nowhere/store.db")).startswith(
        "store /proc/nowhere/store.db: it can't be opened: "
    )


WAYS: dict[str, Callable[[Path], object]] = {
    "run": SqliteStore,
    "read": SqliteReader,
    "replace": lambda path: replace_store(path, lambda _: None).__enter__(),
    "restore": lambda path: restore_store(path.with_name("backup.db"), path, confirm=lambda: None),
    "restore from": lambda path: restore_store(path, path.with_name("restored.db"), confirm=lambda: None),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("named", ["pipe", "link"])
def test_a_pipe_is_neither_opened_nor_changed_nor_replaced(tmp_path: Path, way: str, named: str) -> None:
    """Opening it would wait for another program. A device such as /dev/null would lose its rights, or its place."""
    SqliteStore(tmp_path / "backup.db").close()
    os.mkfifo(tmp_path / "pipe", 0o644)
    (tmp_path / "link").symlink_to("pipe")
    mode = (tmp_path / "pipe").stat().st_mode
    path = tmp_path / named

    assert refusal(lambda: WAYS[way](path)) == f"store {path}: it is no regular file. Choose another path."
    assert [name for name in names(tmp_path) if "backup" not in name] == ["link", "pipe"]
    assert (tmp_path / "pipe").stat().st_mode == mode


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.symlink_to("other.db")
    (tmp_path / "other.db").symlink_to("store.db")

    assert refusal(lambda: SqliteStore(path)) == (
        f"store {path}: it can't be opened: Too many levels of symbolic links. Choose another path."
    )
    assert not has_partitions(path)
    assert (
        list(wrong_uses([FileUse(path, "--egress")], [FileUse(tmp_path / "in", "--input")], path.with_name("s"))) == []
    )


@contextmanager
def without_rights(folder: str, mode: int) -> Generator[None]:
    """In it the process is a user with the rights that *mode* gives to everyone in *folder*."""
    Path(folder).chmod(mode)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        Path(folder).chmod(0o755)


def test_a_folder_without_the_right_to_write_is_refused() -> None:
    with TemporaryDirectory() as folder, without_rights(folder, 0o555):
        complaint = refusal(lambda: SqliteStore(f"{folder}/store.db"))

    assert complaint == (
        f"store {folder}/store.db: it can't be opened: Permission denied: {folder}/store.db.lock. "
        "Check the permissions of its folder, or choose another path."
    )


def test_reading_a_store_in_a_read_only_folder_is_an_error_that_says_so() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        SqliteStore(path).close()
        path.chmod(0o644)
        with without_rights(folder, 0o555):
            complaint = refusal(lambda: SqliteStore.open_reader(path))

    assert complaint == (
        f"store {path}: its folder can't be written, and SQLite keeps a log there, even to read. "
        "Check the permissions of the folder; or copy the file, and use the copy."
    )


def test_a_file_without_the_right_to_write_is_refused() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        SqliteStore(path).close()
        path.chmod(0o444)
        path.with_name("store.db.lock").chmod(0o666)
        with without_rights(folder, 0o777):
            complaint = refusal(lambda: SqliteStore(path))

    assert complaint == (
        f"store {path}: it can't be written: attempt to write a readonly database. "
        "Check the permissions of the file and of its folder."
    )
