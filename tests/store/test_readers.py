"""Reading a store beside its engine, or without one."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.store.sqlite.selects import after_prefix
from statefun_actors.testing.checks.common import ADA, BOB, entity, ids
from tests.store.on_disk import commit, refusal
from tests.store.store_checks import answers


def test_a_reader_sees_each_commit_while_the_engine_runs(store: SqliteStore, path: Path) -> None:
    reader = SqliteStore.open_reader(path)
    for name in ("ada", "bob"):
        commit(store, entity(name))
        assert answers(reader) == answers(store)

    reader.close()
    reader.close()
    assert refusal(reader.recover) == f"store {path}: it is closed"


def test_a_reader_needs_no_engine(store: SqliteStore, path: Path) -> None:
    commit(store, entity("ada"))
    store.close()

    reader = SqliteStore.open_reader(path)
    assert ids(reader) == ["ada"]

    commit(again := SqliteStore(path), entity("bob"))
    assert ids(reader) == ["ada", "bob"]
    again.close()
    assert ids(reader) == ["ada", "bob"]
    reader.close()


def test_a_reader_cannot_write(store: SqliteStore, path: Path) -> None:
    reader = SqliteStore.open_reader(path)

    assert "it can't be written" in refusal(lambda: reader._rows("DELETE FROM entity"))
    reader.close()


def test_a_snapshot_stands_still(store: SqliteStore, path: Path) -> None:
    commit(store, entity("ada"), next_seq=2)
    reader = SqliteStore.open_reader(path)

    with reader.snapshot():
        before = answers(reader)
        commit(store, entity("bob"), next_seq=3)
        assert answers(reader) == before
        assert len(reader.load([ADA] * 1_000)) == 1_000

    assert ids(reader) == ["ada", "bob"]
    reader.close()


def test_there_is_nothing_to_read_in_a_file_that_is_not_there(path: Path) -> None:
    assert refusal(lambda: SqliteStore.open_reader(path)) == (
        f"store {path}: the file does not exist. `statefun-actors run` creates it."
    )
    assert not path.exists()


def test_plain_sql_from_outside_reads_it(store: SqliteStore, path: Path) -> None:
    commit(store, entity("ada", b"state", 5))

    db = sqlite3.connect(path)
    assert db.execute("SELECT type, id, expires_ms, state FROM entity").fetchall() == [
        ("bank/account", "ada", 5, b"state")
    ]
    db.close()


def test_the_string_after_a_prefix() -> None:
    assert after_prefix("") is None
    assert after_prefix("\U0010ffff\U0010ffff") is None
    assert after_prefix("ab") == "ac"
    assert after_prefix("a\U0010ffff") == "b"
    assert after_prefix("\ud7ff") == "\ue000"
    assert after_prefix("\uffff") == "\U00010000"


@pytest.mark.parametrize(
    "read",
    [
        lambda store: store.messages_to(ADA, 5, 10),
        lambda store: store.timers_after(5, 1, 10),
        lambda store: store.pending_timer(ADA, "token"),
        lambda store: store.drop_expired(5, 10),
        lambda store: store.load([ADA, BOB]),
        lambda store: store.egress_after(1, 10),
        lambda store: list(store.entities("bank/account", "a")),
        lambda store: list(store.dead_letters()),
        lambda store: store.dead_letter(1),
    ],
)
def test_no_read_of_the_engine_scans_a_table(store: SqliteStore, read: Callable[[SqliteStore], object]) -> None:
    commit(store, entity("ada", b"", 5))
    plans: list[str] = []
    asked = store._rows

    def explained(select: str, bound: object = (), db: object = None) -> list[object]:
        if select.startswith("SELECT"):
            plans.extend(row[3] for row in asked(f"EXPLAIN QUERY PLAN {select}", bound))  # type: ignore[arg-type]
        return asked(select, bound, db)  # type: ignore[arg-type]

    store._rows = explained  # type: ignore[method-assign]
    read(store)

    assert plans
    assert [plan for plan in plans if re.match(r"SCAN (entity|message|timer|egress|dead_letter)\b", plan)] == []
