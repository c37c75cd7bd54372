"""Only one engine runs on a store, by any path, also if the lock file is deleted."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from statefun_actors import Entity, handles
from statefun_actors.address import Address
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, EpochLostError, SystemClock
from statefun_actors.store import Commit, EntityRow, StoreError, StoreInUseError
from statefun_actors.store.errors import StoreMismatchError, StoreTakenError
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing.checks.common import entity, ids
from statefun_actors.types import pack
from tests.engine.engines import send

_IMPORTS = "import sys, os; from statefun_actors.store.sqlite import SqliteStore"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def first(path: Path) -> Iterator[SqliteStore]:
    """A store in use, with one entity."""
    store = SqliteStore(path)
    commit(store, entity("ada"))
    yield store
    store.close()


def commit(store: SqliteStore, *rows: EntityRow) -> None:
    asyncio.run(store.commit(Commit(entities=rows)))


def refusal(work: Callable[[], object], kind: type[StoreError]) -> str:
    with pytest.raises(kind) as caught:
        work()
    return re.sub(r"process \d+ since [^ ]+Z", "process N since T", str(caught.value))


def settle_elsewhere(path: Path) -> None:
    """Make the owner in the store an unknown one, such as that of another machine."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("UPDATE owner SET id = 'elsewhere', process = 7, host = 'host-a', since = '2026-01-01T00:00:00Z'")
    db.close()


@pytest.mark.parametrize("brief", [False, True])
def test_a_symbolic_link_leads_to_the_same_lock(first: SqliteStore, path: Path, tmp_path: Path, brief: bool) -> None:
    link, folder = tmp_path / "link.db", tmp_path / "folder"
    link.symlink_to("store.db")
    folder.symlink_to(".")

    for name in (link, folder / "store.db"):
        assert refusal(lambda name=name: SqliteStore(name, brief=brief), StoreInUseError) == (  # type: ignore[misc]
            f"store {name}: it is in use by process N since T. Stop it first."
        )


def test_a_store_is_used_through_a_symbolic_link(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "link.db"
    link.parent.mkdir()
    link.symlink_to(path)
    for name in (link, path, link):
        store = SqliteStore(name)
        commit(store, entity(f"{len(ids(store))}"))
        store.close()

    assert ids(SqliteStore.open_reader(path)) == ["0", "1", "2"]
    assert sorted(file.name for file in link.parent.iterdir()) == ["link.db"]


def test_a_hard_link_to_a_store_in_use_is_refused(first: SqliteStore, path: Path, tmp_path: Path) -> None:
    os.link(path, tmp_path / "hard.db")

    for open_it in (SqliteStore, SqliteStore.open_reader):
        assert refusal(lambda open_it=open_it: open_it(tmp_path / "hard.db"), StoreMismatchError) == (  # type: ignore[misc]
            f"store {tmp_path}/hard.db: the file has 2 names (hard links), and its log belongs to only one of them. "
            f"Use the name {path}."
        )
    commit(first, entity("bob"))
    assert ids(first) == ["ada", "bob"]


def test_a_file_with_two_names_is_used_by_the_one_it_had(path: Path, tmp_path: Path) -> None:
    SqliteStore(path).close()
    os.link(path, tmp_path / "hard.db")

    SqliteStore(path).close()

    path.rename(tmp_path / "moved.db")
    assert refusal(lambda: SqliteStore(tmp_path / "moved.db"), StoreMismatchError) == (
        f"store {tmp_path}/moved.db: the file has 2 names (hard links), and its log belongs to only one of them. "
        "Delete all names but one; a copy is made with `statefun-actors backup`."
    )
    (tmp_path / "hard.db").unlink()
    SqliteStore(tmp_path / "moved.db").close()


@pytest.mark.needs("linux")  # which alone tells whether an owner still runs
@pytest.mark.parametrize("brief", [False, True])
def test_without_the_lock_file_an_owner_that_runs_is_found_by_the_store(
    first: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch, brief: bool
) -> None:
    monkeypatch.setattr("statefun_actors.store.sqlite.ownership._ENDING_SECONDS", 0.1)
    path.with_name("store.db.lock").unlink()

    assert refusal(lambda: SqliteStore(path, brief=brief), StoreInUseError) == (
        f"store {path}: it is in use by process N since T. Stop it first."
    )
    commit(first, entity("bob"))
    assert ids(first) == ["ada", "bob"]


@pytest.mark.needs("linux")
def test_without_the_lock_file_no_backup_replaces_a_store_in_use(
    first: SqliteStore, path: Path, tmp_path: Path
) -> None:
    other = SqliteStore(tmp_path / "other.db")
    path.with_name("store.db.lock").unlink()

    assert refusal(lambda: other.backup(path, overwrite=True), StoreInUseError) == (
        f"store {path}: it is in use by process N since T. Stop it first."
    )
    other.close()
    commit(first, entity("bob"))
    assert ids(first) == ["ada", "bob"]


async def test_an_engine_that_was_taken_over_ends(path: Path) -> None:
    class Account(Entity, typename="bank/account"):
        @handles(int)
        def add(self, message: int) -> None: ...

    store = SqliteStore(path)
    engine = Engine(Application(Account), store, SystemClock())
    running = asyncio.create_task(engine.run())
    send(engine, Account.at("ada"), pack(1))
    await engine.durable()
    settle_elsewhere(path)

    send(engine, Account.at("ada"), pack(1))

    with pytest.raises(EpochLostError, match="it has been taken over by process 7 on host-a"):
        await engine.durable()
    with pytest.raises(StoreTakenError):
        await running
    store.close()


@pytest.mark.parametrize("with_lock", [False, True])
def test_a_copy_is_used_while_an_engine_runs_on_what_it_was_copied_from(
    first: SqliteStore, path: Path, tmp_path: Path, with_lock: bool
) -> None:
    for suffix in ("", "-wal", *([".lock"] if with_lock else [])):
        subprocess.run(["cp", f"{path}{suffix}", tmp_path / f"copy.db{suffix}"], check=True)

    copy = SqliteStore(tmp_path / "copy.db")

    commit(copy, entity("bob"))
    commit(first, entity("eve"))
    assert (ids(copy), ids(first)) == (["ada", "bob"], ["ada", "eve"])
    copy.close()


def test_an_owner_that_was_closed_or_killed_does_not_block_the_next_one(path: Path) -> None:
    script = f"{_IMPORTS}; s = SqliteStore(sys.argv[1]); os._exit(1)"
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    path.with_name("store.db.lock").unlink()

    SqliteStore(path).close()
    SqliteStore(path).close()


@pytest.mark.parametrize("id", ["ada", "a\0b"])
@pytest.mark.parametrize("commits", ["loop", "thread"])
def test_a_former_owner_writes_nothing(path: Path, id: str, commits: str) -> None:
    first = SqliteStore(path, commits="loop" if commits == "loop" else "thread")
    commit(first, EntityRow(Address("bank/account", id), b"1"))
    settle_elsewhere(path)

    complaint = refusal(lambda: commit(first, EntityRow(Address("bank/account", id), b"2")), StoreTakenError)

    assert complaint == (
        f"store {path}: it has been taken over by process 7 on host-a since 2026-01-01T00:00:00Z, so this engine ends; "
        "nothing that was acknowledged is lost. Run one engine on a store, and don't delete its lock file."
    )
    assert not StoreTakenError.retryable
    assert first.load([Address("bank/account", id)]) == [b"1"]
    first.close()


@pytest.mark.parametrize("brief", [False, True])
def test_a_second_engine_that_got_in_takes_the_store_over(first: SqliteStore, path: Path, brief: bool) -> None:
    settle_elsewhere(path)  # as if the first one ran where it can't be seen
    path.with_name("store.db.lock").unlink()
    second = SqliteStore(path, brief=brief)
    commit(second, entity("bob"))

    refusal(lambda: commit(first, entity("eve")), StoreTakenError)

    commit(second, entity("zoe"))
    assert ids(second) == ids(first) == ["ada", "bob", "zoe"]
    second.close()


def test_anybody_can_read_who_took_the_store_last(first: SqliteStore, path: Path) -> None:
    db = sqlite3.connect(path)
    ((process, host, file),) = db.execute("SELECT process, host, path FROM owner").fetchall()
    db.close()

    assert (process, host, file) == (os.getpid(), socket.gethostname(), str(path))


# Who may read it


def modes(folder: Path) -> dict[str, str]:
    return {file.name: f"{file.stat().st_mode & 0o777:o}" for file in sorted(folder.iterdir())}


PRIVATE = {"store.db": "600", "store.db-shm": "600", "store.db-wal": "600", "store.db.lock": "600"}


@pytest.mark.parametrize("umask", [0, 0o22, 0o77])
def test_a_store_is_made_for_its_owner_alone(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        store = SqliteStore(tmp_path / "new" / "folder" / "store.db")
        store.backup(tmp_path / "backups" / "copy.db")
    finally:
        os.umask(before)

    assert modes(tmp_path) == {"backups": "700", "new": "700"}
    assert modes(tmp_path / "new") == {"folder": "700"}
    assert modes(tmp_path / "new" / "folder") == PRIVATE
    assert modes(tmp_path / "backups") == {"copy.db": "600"}
    store.close()


def test_a_store_that_others_could_read_is_taken_from_their_reach(path: Path) -> None:
    SqliteStore(path).close()
    for file in (path, path.with_name("store.db.lock")):
        file.chmod(0o666)

    store = SqliteStore(path)

    assert modes(path.parent) == PRIVATE
    store.close()
