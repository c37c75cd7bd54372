"""A commit finds out that the log was deleted, without a look at the log before each commit."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import pytest

from statefun_actors.store.sqlite import SqliteStore, in_place
from statefun_actors.testing.checks.common import entity
from tests.store.on_disk import commit

SECOND_NS: Final = 1_000_000_000
HOUR_NS: Final = 3_600 * SECOND_NS


@pytest.mark.parametrize("counts_seconds", [False, True])
def test_a_log_deleted_in_the_moment_of_another_change_of_its_folder_is_saved(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, *, counts_seconds: bool
) -> None:
    """Both changes leave the same time: the clock of the file system has not moved on, or counts seconds."""
    store = SqliteStore(path)
    now = time.time_ns()
    at = (now // SECOND_NS - 1) * SECOND_NS if counts_seconds else now

    def stat(file: str) -> SimpleNamespace:
        found = Path(file).stat()
        times = (at, at) if Path(file) == path.parent else (found.st_mtime_ns, found.st_ctime_ns)
        return SimpleNamespace(
            st_dev=found.st_dev, st_ino=found.st_ino, st_size=found.st_size, st_mtime_ns=times[0], st_ctime_ns=times[1]
        )

    monkeypatch.setattr(in_place, "os", SimpleNamespace(**{**vars(os), "stat": stat}))
    monkeypatch.setattr(in_place, "time", SimpleNamespace(time_ns=lambda: now))
    commit(store, entity("ada"))
    path.with_name("store.db-wal").unlink()

    commit(store, entity("bob"))
    store.close()

    assert [record.message for record in caplog.records] == [
        f"store {path}: its log was deleted; nothing is lost, and a new log was created"
    ]


def test_a_log_is_saved_that_was_deleted_by_a_program_which_sets_the_times_of_its_folder_back(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_place, "time", SimpleNamespace(time_ns=lambda: time.time_ns() + HOUR_NS))
    store = SqliteStore(path)
    commit(store, entity("ada"))
    before = path.parent.stat()
    path.with_name("store.db-wal").unlink()
    os.utime(path.parent, ns=(before.st_atime_ns, before.st_mtime_ns))

    commit(store, entity("bob"))
    store.close()

    assert len(caplog.records) == 1


def test_the_times_of_the_log_are_not_read_while_its_folder_does_not_change(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def stat(file: str) -> os.stat_result:
        read.append(Path(file).name)
        return Path(file).stat()

    monkeypatch.setattr(in_place, "os", SimpleNamespace(**{**vars(os), "stat": stat}))
    monkeypatch.setattr(in_place, "time", SimpleNamespace(time_ns=lambda: time.time_ns() + HOUR_NS))
    store = SqliteStore(path)
    commit(store, entity("ada"))
    read.clear()

    commit(store, entity("bob"))
    assert read == [path.parent.name, "store.db"]

    path.with_name("note").touch()
    commit(store, entity("eve"))
    assert read[2:] == [path.parent.name, "store.db", "store.db-wal", "store.db-shm"]
    store.close()
