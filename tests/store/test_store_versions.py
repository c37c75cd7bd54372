"""Stores of earlier versions are brought up to date; those of newer ones are refused."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
from pathlib import Path

import pytest

from statefun_actors.store import Commit, EgressRecord, KeyedRequest, Message, RequestState
from statefun_actors.store.sqlite import SqliteStore, schema
from statefun_actors.testing.checks.common import ADA, VALUE, entity, ids
from tests.store.on_disk import commit, refusal


def test_a_store_says_whose_it_is_and_of_which_version(store: SqliteStore, path: Path) -> None:
    header = subprocess.check_output(["head", "-c", "100", path])  # our own open() and close() would break its locks

    assert int.from_bytes(header[60:64]) == len(schema.STEPS)
    assert header[68:72] == b"SfAc"


def add_notes(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE entity ADD COLUMN note TEXT")
    db.execute("UPDATE entity SET note = 'of ' || id")


def notes(path: Path) -> list[tuple[str, str]]:
    db = sqlite3.connect(path)
    try:
        return db.execute("SELECT id, note FROM entity ORDER BY id").fetchall()
    finally:
        db.close()


NEWER = (*schema.STEPS, add_notes)


def test_an_older_store_is_brought_up_to_date(store: SqliteStore, path: Path) -> None:
    commit(store, entity("ada"))
    store.close()

    newer = SqliteStore(path, steps=NEWER)
    commit(newer, entity("bob"))
    newer.close()

    assert notes(path) == [("ada", "of ada"), ("bob", None)]
    SqliteStore(path, steps=NEWER).close()


@pytest.mark.parametrize("version", range(1, len(schema.STEPS)))
def test_a_store_of_any_earlier_version_is_brought_up_to_date_with_all_that_it_holds(path: Path, version: int) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    schema.migrate(db, 0, schema.STEPS[:version])
    db.execute("INSERT INTO entity VALUES ('bank/account', 'ada', NULL, 'packed')")
    db.execute(
        "INSERT INTO message (seq, type, id, value_type, value)"
        " VALUES (3, 'bank/account', 'ada', 'bank/deposit', x'0805')"
    )
    db.execute("INSERT INTO egress (seq, egress, value_type, value) VALUES (2, 'bank/out', 'bank/deposit', x'0805')")
    db.execute("UPDATE counter SET next_seq = 4")
    db.close()

    store = SqliteStore(path)
    request = KeyedRequest(ADA, "key", "digest", 0, "4", RequestState.PENDING)
    asyncio.run(store.commit(Commit(requests=[request], next_seq=5)))
    store.close()

    again = SqliteStore(path)
    assert ids(again) == ["ada"]
    assert list(again.messages()) == [Message(3, ADA, VALUE)]
    assert again.egress_after(0, 10) == [EgressRecord(2, "bank/out", VALUE)]
    assert again.request(ADA, "key") == request
    assert again.recover().next_seq == 5
    assert again.integrity_check() == []
    again.close()


def test_a_new_store_goes_through_every_step(path: Path) -> None:
    SqliteStore(path, steps=NEWER).close()

    assert notes(path) == []


def test_a_step_that_fails_leaves_the_store_at_its_version(store: SqliteStore, path: Path) -> None:
    def broken(db: sqlite3.Connection) -> None:
        add_notes(db)
        db.execute("INSERT INTO no_such_table VALUES (1)")

    commit(store, entity("ada"))
    store.close()

    assert "no such table: no_such_table" in refusal(lambda: SqliteStore(path, steps=(*schema.STEPS, broken)))
    again = SqliteStore(path)
    assert ids(again) == ["ada"]
    assert again.integrity_check() == []
    again.close()


def test_a_store_of_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    SqliteStore(path, steps=NEWER).close()
    before = path.read_bytes()
    version, known = len(NEWER), len(schema.STEPS)

    complaint = refusal(lambda: SqliteStore(path))

    assert complaint == (
        f"store {path}: it is of version {version}, made by a newer statefun-actors; this one reads up to version "
        f"{known}. Install the newer one again."
    )
    assert refusal(lambda: SqliteStore.open_reader(path)) == complaint
    assert path.read_bytes() == before


def test_a_reader_does_not_bring_an_older_store_up_to_date(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SqliteStore(path).close()
    monkeypatch.setattr(schema, "STEPS", NEWER)

    assert refusal(lambda: SqliteStore.open_reader(path)) == (
        f"store {path}: it is of version {len(NEWER) - 1}, this statefun-actors reads version {len(NEWER)}. "
        "Start it once with `statefun-actors run`, which migrates it."
    )
