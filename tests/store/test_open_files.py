"""The files of an open store out of reach: commits fail until they can be opened again, and nothing is lost."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from statefun_actors.store import Commit, StoreError
from statefun_actors.store.errors import StoreMismatchError
from statefun_actors.store.sqlite import SqliteStore, in_place, open_files
from statefun_actors.testing.checks.common import entity, ids
from tests.store.on_disk import commit, refusal

SAVED = "store {path}: its log was deleted; nothing is lost, and a new log was created"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "store.db"


@pytest.fixture
def log(path: Path) -> Path:
    return path.with_name("store.db-wal")


def once(monkeypatch: pytest.MonkeyPatch, name: str, first: Callable[[], object]) -> None:
    """Call *first* before the next call of *name* in the module of the open files."""
    real = getattr(open_files, name)

    def wrapped(*args: object) -> object:
        monkeypatch.setattr(open_files, name, real)
        first()
        return real(*args)

    monkeypatch.setattr(open_files, name, wrapped)


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def committed(path: Path) -> list[str]:
    """What another process reads."""
    reader = SqliteStore.open_reader(path)
    found = ids(reader)
    reader.close()
    return found


@contextmanager
def no_descriptors() -> Generator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_deleted_log_is_saved_once_there_are_descriptors_again(
    path: Path, log: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = SqliteStore(path, commits="loop")
    with asyncio.Runner() as runner:
        runner.run(store.commit(Commit(entities=[entity("ada")])))
        log.unlink()

        with no_descriptors(), pytest.raises(StoreError) as refused:
            runner.run(store.commit(Commit(entities=[entity("bob")])))

    assert str(refused.value) == (
        f"store {path}: its files can't be checked: Too many open files. Raise the limit of open files (`ulimit -n`)."
    )
    assert (refused.value.retryable, messages(caplog)) == (True, [])
    commit(store, entity("bob"))
    assert (committed(path), messages(caplog)) == (["ada", "bob"], [SAVED.format(path=path)])
    store.close()


@pytest.mark.parametrize("reading", [False, True])
@pytest.mark.parametrize("step", ["connect_to_write", "connect_read_only", "InPlace"])
def test_files_that_can_not_be_opened_again_are_opened_once_their_folder_is_back(
    path: Path, log: Path, step: str, reading: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = SqliteStore(path)
    commit(store, entity("ada"))
    log.unlink()
    away = path.parent.with_name("away")
    once(monkeypatch, step, lambda: path.parent.rename(away))

    refusal(lambda: commit(store, entity("bob")))

    for use in (lambda: commit(store, entity("bob")), store.recover):
        assert refusal(use) == (
            f"store {path}: its files can't be checked: No such file or directory: {path.parent}. Put its files back."
        )
    assert messages(caplog) == []
    away.rename(path.parent)
    if reading:
        store.recover()
    commit(store, entity("bob"))
    assert (committed(path), ids(store)) == (["ada", "bob"], ["ada", "bob"])
    assert messages(caplog) == [SAVED.format(path=path)]
    store.close()
    assert committed(path) == ["ada", "bob"]


def test_a_file_that_is_overwritten_while_it_is_out_of_reach_is_not_opened_again(
    path: Path, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SqliteStore(path).close()
    shutil.copy(path, tmp_path / "copy.db")
    store = SqliteStore(path)
    commit(store, entity("ada"))
    log.unlink()
    away = tmp_path / "away"
    once(monkeypatch, "connect_to_write", lambda: path.parent.rename(away))
    refusal(lambda: commit(store, entity("bob")))
    shutil.copy(tmp_path / "copy.db", away / "store.db")
    left = (away / "store.db").read_bytes()
    away.rename(path.parent)

    with pytest.raises(StoreMismatchError, match="its file was overwritten while an engine ran on it"):
        commit(store, entity("bob"))

    store.close()
    assert path.read_bytes() == left


def test_only_a_file_that_does_not_exist_counts_as_deleted(
    path: Path, log: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = SqliteStore(path)
    commit(store, entity("ada"))

    def stat(name: str) -> os.stat_result:
        if Path(name) == log:
            raise PermissionError(13, "Permission denied", name)
        return Path(name).stat()

    with monkeypatch.context() as patched:
        patched.setattr(in_place, "os", SimpleNamespace(**{**vars(os), "stat": stat}))
        path.with_name("note").touch()
        assert refusal(lambda: commit(store, entity("bob"))) == (
            f"store {path}: its files can't be checked: Permission denied: {log}. Check the permissions of its folder."
        )

    commit(store, entity("bob"))
    assert (committed(path), messages(caplog)) == (["ada", "bob"], [])
    store.close()


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
@pytest.mark.parametrize("replaced", [False, True])
def test_a_log_that_is_replaced_while_the_store_is_opened_is_noticed(
    path: Path, suffix: str, replaced: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    name = path.with_name(f"store.db{suffix}")

    def replace() -> None:
        if replaced:
            shutil.copy(name, path.with_name("other"))
            path.with_name("other").rename(name)
        else:
            name.unlink()

    once(monkeypatch, "InPlace", replace)
    store = SqliteStore(path)

    commit(store, entity("ada"))

    assert (committed(path), messages(caplog)) == (["ada"], [SAVED.format(path=path)])
    store.close()


def test_a_file_that_is_replaced_while_the_store_is_opened_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SqliteStore(path).close()

    def replace() -> None:
        shutil.copy(path, path.with_name("other"))
        path.with_name("other").rename(path)

    once(monkeypatch, "InPlace", replace)

    assert refusal(lambda: SqliteStore(path)) == (
        f"store {path}: it can't be opened: its file was moved or replaced meanwhile. Choose another path."
    )


def test_a_deleted_log_that_a_reader_keeps_from_being_saved_at_the_end_is_an_error(path: Path, log: Path) -> None:
    store = SqliteStore(path)
    commit(store, entity("ada"))
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM entity").fetchall()
    commit(store, entity("bob"))
    log.unlink()

    assert refusal(store.close) == (
        f"store {path}: its log was deleted, and another program reads it. Stop that program."
    )
    reader.close()
