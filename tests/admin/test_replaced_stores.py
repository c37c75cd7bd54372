"""An import replaces a store only on request, and whole."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from statefun_actors.admin import StoreNotEmptyError
from statefun_actors.store import Commit, EntityRow, StoreError
from statefun_actors.store.sqlite import SqliteReader, SqliteStore
from statefun_actors.store.sqlite.schema import STEPS, migrate
from statefun_actors.testing.checks.common import ADA
from tests.admin.lines import GOOD, imported, names
from tests.cli.commands import wait_until


def test_a_store_with_data_is_replaced_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore(path)
    asyncio.run(store.commit(Commit(entities=[EntityRow(ADA, b"old")], positions={"a": "b"}, next_seq=50)))
    with pytest.raises(StoreError, match="it is in use by process"):
        imported(GOOD, path, replace=True)
    store.close()

    with pytest.raises(StoreNotEmptyError) as refused:
        imported(GOOD, path)

    assert str(refused.value) == (
        f"store {path}: it holds 1 entities, 1 positions already. Nothing was imported. "
        "Choose another store, or add --replace."
    )
    imported(GOOD, path, replace=True)
    again = SqliteStore(path)
    assert again.load([ADA]) == [b"x"]
    assert again.recover().next_seq == 9
    again.close()


def test_an_empty_store_may_be_filled(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "store.db").close()
    (tmp_path / "empty.db").touch()

    imported(GOOD, tmp_path / "store.db")
    imported(GOOD, tmp_path / "empty.db")


def test_a_file_that_is_no_store_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("Dear diary, " * 100)

    with pytest.raises(StoreError, match="the file is not a SQLite database"):
        imported(GOOD, tmp_path / "diary.txt", replace=True)

    assert (tmp_path / "diary.txt").read_text() == "Dear diary, " * 100


def test_an_import_that_was_killed_leaves_no_store_and_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    script = (
        "import asyncio, sys, pathlib; from statefun_actors.admin import import_store; "
        "asyncio.run(import_store(sys.stdin.buffer, 'x', pathlib.Path(sys.argv[1])))"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE) as importing:
        assert importing.stdin is not None
        importing.stdin.writelines(GOOD[:1])
        for number in range(5_000):
            importing.stdin.write(GOOD[2].replace(b"ada", b"%06d" % number))
        importing.stdin.flush()
        wait_until(lambda: any("importing" in file.name for file in tmp_path.iterdir()), "it has begun")
        importing.kill()
    assert not path.exists()

    imported(GOOD, path)

    assert names(tmp_path) == ["store.db", "store.db.lock"]


def test_a_store_of_an_earlier_version_is_replaced_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    db = sqlite3.connect(path, isolation_level=None)
    migrate(db, 0, STEPS[:1])
    db.execute("INSERT INTO position VALUES ('in', '3')")
    db.close()

    with pytest.raises(StoreNotEmptyError, match="it holds 1 positions already"):
        imported(GOOD, path)

    imported(GOOD, path, replace=True)
    SqliteReader(path).close()
