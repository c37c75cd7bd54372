"""Damage is reported, and a backup is the store in one file."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from statefun_actors.store import Commit, Message
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing.checks.common import ADA, VALUE, entity, ids
from tests.store.on_disk import commit, files_up_to, large, names, refusal
from tests.store.store_checks import answers


def test_a_sound_store_has_nothing_wrong(store: SqliteStore) -> None:
    commit(store, entity("ada"))

    assert store.integrity_check() == []


def test_damage_is_reported(path: Path) -> None:
    store = SqliteStore(path)
    commit(store, *[entity(f"{n:04}", bytes(200)) for n in range(1_000)])
    store.close()
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 5_000] = b"\xa5" * 5_000
    path.write_bytes(content)

    reader = SqliteStore.open_reader(path)
    assert len(reader.integrity_check()) > 0
    reader.close()


def test_numbers_given_twice_are_reported(store: SqliteStore) -> None:
    asyncio.run(store.commit(Commit(messages=[Message(7, ADA, VALUE)], next_seq=7)))

    assert store.integrity_check() == ["the next sequence number is 7, but 7 is taken"]


def test_a_backup_is_the_store_as_of_now_in_one_file(store: SqliteStore, path: Path) -> None:
    asyncio.run(store.commit(large(1)))
    target = path.parent / "backups" / "monday.db"

    store.backup(target)
    before = answers(store)
    commit(store, entity("later"))

    assert names(target.parent) == ["monday.db"]
    copy = SqliteStore(target)
    assert answers(copy) == before
    commit(copy, entity("elsewhere"))
    copy.close()
    assert ids(store, "elsewhere") == []


def test_a_backup_during_commits_holds_whole_commits(store: SqliteStore, path: Path) -> None:
    async def backups_and_commits() -> None:
        await store.commit(large(0))
        for number in range(1, 6):
            copying = asyncio.create_task(asyncio.to_thread(store.backup, path.with_name(f"{number}.db")))
            await store.commit(large(number))
            await copying

    asyncio.run(backups_and_commits())

    for number in range(1, 6):
        copy = SqliteStore.open_reader(path.with_name(f"{number}.db"))
        committed = int(copy.recover().positions["input"]) + 1
        assert committed in (number, number + 1)
        assert copy.counts()["bank/account"] == committed * 200
        assert copy.counts()["messages"] == committed * 200
        assert copy.recover().next_seq == committed * 1_000
        copy.close()


def test_a_backup_overwrites_only_on_request(store: SqliteStore, path: Path) -> None:
    target = path.with_name("backup.db")
    commit(store, entity("ada"))
    store.backup(target)
    commit(store, entity("bob"))

    complaint = (
        f"store {target}: it exists already. Choose another target for the backup, "
        "or allow to overwrite it: --overwrite, overwrite=True."
    )
    assert refusal(lambda: store.backup(target)) == complaint
    store.backup(target, overwrite=True)

    reader = SqliteStore.open_reader(target)
    assert ids(reader) == ["ada", "bob"]
    reader.close()


def test_a_backup_never_overwrites_a_store_in_use(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    other = SqliteStore(tmp_path / "other.db")

    assert "it is in use by process" in refusal(lambda: store.backup(other.path, overwrite=True))
    assert "it exists already" in refusal(lambda: store.backup(path, overwrite=True))
    commit(store, entity("ada"))
    commit(other, entity("bob"))
    other.close()
    assert not [name for name in names(tmp_path) if "partial" in name]


def test_a_backup_does_not_inherit_the_log_of_what_it_overwrites(store: SqliteStore, path: Path) -> None:
    crashed = path.with_name("crashed.db")
    commit(store, entity("old"))
    for end in ("", "-wal"):
        subprocess.run(["cp", f"{path}{end}", f"{crashed}{end}"], check=True)
    commit(store, entity("new"))

    store.backup(crashed, overwrite=True)

    copy = SqliteStore(crashed)
    assert ids(copy) == ["new", "old"]
    assert copy.integrity_check() == []
    copy.close()


def test_a_backup_that_cannot_be_written_leaves_nothing(store: SqliteStore, tmp_path: Path) -> None:
    asyncio.run(store.commit(large(1)))
    target = tmp_path / "backups" / "backup.db"

    with files_up_to(100_000):
        assert "the disk failed: disk I/O error (SQLITE_IOERR_WRITE)" in refusal(lambda: store.backup(target))

    assert names(target.parent) == []
    assert "File exists" in refusal(lambda: store.backup(store.path / "backup.db"))


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (0, "the file is not a SQLite database. Choose another path."),
        (100, "it is damaged: database disk image is malformed. Restore a backup."),
    ],
    ids=["its header", "its schema"],
)
def test_a_backup_of_what_is_damaged_names_that_and_leaves_nothing(
    store: SqliteStore, path: Path, start: int, said: str
) -> None:
    commit(store, entity("ada"))
    store.close()
    reader = SqliteStore.open_reader(path)
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * (4_096 - start))

    reported = refusal(lambda: reader.backup(path.parent / "backups" / "monday.db"))
    reader.close()

    assert reported == f"store {path}: {said}"
    assert names(path.parent / "backups") == []
