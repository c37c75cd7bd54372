"""A commit finds out that the log was deleted, without a look at the log before each commit."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from statefun_actors.store.sqlite import SqliteStore, in_place
from statefun_actors.testing.checks.common import entity
from tests.store.on_disk import commit

SECOND_NS = 1_000_000_000


def change_time(folder: Path, seconds_ago: float, *, whole_seconds: bool = False) -> int:
    """Let *folder* have changed *seconds_ago*; the time, in nanoseconds."""
    at = time.time_ns() - round(seconds_ago * SECOND_NS)
    at -= at % SECOND_NS - (0 if whole_seconds else 1)
    os.utime(folder, ns=(at, at))
    return at


@pytest.mark.parametrize(("seconds_ago", "whole_seconds"), [(-3_600, False), (1, True)])
def test_a_log_deleted_in_the_moment_of_another_change_of_its_folder_is_saved(
    path: Path, seconds_ago: float, caplog: pytest.LogCaptureFixture, *, whole_seconds: bool
) -> None:
    """The second change leaves the same time: the clock of the file system has not moved on, or counts seconds."""
    store = SqliteStore(path)
    at = change_time(path.parent, seconds_ago, whole_seconds=whole_seconds)
    commit(store, entity("ada"))
    path.with_name("store.db-wal").unlink()
    os.utime(path.parent, ns=(at, at))

    commit(store, entity("bob"))
    store.close()

    assert [record.message for record in caplog.records] == [
        f"store {path}: its log was deleted; nothing is lost, and a new log was created"
    ]


def test_the_times_of_the_log_are_not_read_while_its_folder_does_not_change(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def noting(file: str) -> os.stat_result:
        read.append(Path(file).name)
        return Path(file).stat()

    monkeypatch.setattr(in_place, "os", SimpleNamespace(stat=noting))
    store = SqliteStore(path)
    change_time(path.parent, 3_600)
    commit(store, entity("ada"))
    read.clear()

    commit(store, entity("bob"))
    assert read == [path.parent.name, "store.db"]

    path.with_name("note").touch()
    commit(store, entity("eve"))
    assert read[2:] == [path.parent.name, "store.db", "store.db-wal", "store.db-shm"]
    store.close()
