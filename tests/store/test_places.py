"""Entities that are written often lie together, and are found by their place."""

from __future__ import annotations

import re
import sqlite3

import pytest

from statefun_actors import Address
from statefun_actors.store import EntityRow, StoreError
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.store.sqlite.gathering import SLOTS, Gathering
from statefun_actors.testing.checks.common import ADA, BOB, entity, ids
from tests.store.on_disk import commit, refusal
from tests.store.store_checks import answers


def places(store: SqliteStore, *rows: EntityRow) -> list[int]:
    asked = "SELECT rowid FROM entity WHERE type = ? AND id = ?"
    return [rowid for row in rows for (rowid,) in store._rows(asked, row.address)]


def fill(store: SqliteStore, count: int) -> None:
    commit(store, *[entity(f"{n:06}") for n in range(count)])
    store._gathering = Gathering(count + 1)  # that was long ago


@pytest.mark.parametrize("odd", ["", "\0"])  # with U+0000, commits are written row by row
def test_entities_that_become_hot_move_together_once(store: SqliteStore, odd: str) -> None:
    fill(store, 6_000)
    hot = [entity(f"{n:06}", b"hot", 7) for n in (5, 700, 1_300)]
    more = [entity(odd + "more")]
    before = places(store, *hot)
    commit(store, *hot, *more)
    assert places(store, *hot) == before

    commit(store, *hot, *more)
    together = places(store, *hot)
    assert together == [together[0], together[0] + 1, together[0] + 2]
    assert together[0] > 6_000

    again = [entity(row.address.id, b"again", 8) for row in hot]
    commit(store, *again, *more)
    assert places(store, *hot) == together
    assert store.load([row.address for row in hot]) == [b"again"] * 3
    assert [address.id for address in store.drop_expired(8, 10)] == ["000005", "000700", "001300"]
    assert store.counts()["bank/account"] == 6_001
    assert store.integrity_check() == []


@pytest.mark.parametrize("odd", ["", "\0"])
def test_the_place_of_an_entity_that_was_deleted_may_be_anothers(store: SqliteStore, odd: str) -> None:
    ada, bob = entity("ada"), entity(odd + "bob")
    for _ in range(3):
        commit(store, ada)
    (place,) = places(store, ada)

    commit(store, entity("ada", None))
    db = sqlite3.connect(store.path)
    db.execute("INSERT INTO entity (rowid, type, id, state) VALUES (?, 'bank/account', 'eve', x'00')", (place,))
    db.commit()
    db.close()
    for number in range(4):
        commit(store, entity("ada", bytes([number])), bob)

    assert ids(store) == sorted(["ada", "eve", odd + "bob"])
    assert store.load([ADA, Address("bank/account", "eve")]) == [b"\3", b"\0"]
    assert store.integrity_check() == []


def attempt(store: SqliteStore, *rows: EntityRow) -> str | None:
    """Why a commit of *rows* failed, None if it didn't."""
    try:
        commit(store, *rows)
    except StoreError as error:
        return str(error)
    return None


@pytest.mark.parametrize("odd", ["", "\0"])
@pytest.mark.parametrize(
    "beside", ["VACUUM", "UPDATE entity SET rowid = 5000 - rowid", "DELETE FROM entity WHERE id = 'x'"]
)
def test_rows_that_another_program_moves_are_found_again_by_their_keys(
    store: SqliteStore, odd: str, beside: str
) -> None:
    fill(store, 1_000)
    commit(store, entity("x"))
    hot = [entity(f"{n:06}") for n in range(0, 200, 2)]
    for _ in range(3):
        commit(store, *hot)
    commit(store, *[entity(f"{n:06}", None) for n in range(300, 600)])
    db = sqlite3.connect(store.path, isolation_level=None)
    db.execute(beside)
    db.close()
    before, lost = answers(store), 0

    for text in (b"first", b"second", b"third"):
        rows = [entity(row.address.id, text) for row in hot]
        if (complaint := attempt(store, *rows, entity(odd + text.decode()))) is not None:
            assert re.search("a row lies elsewhere|UNIQUE constraint failed", complaint)
            assert (answers(store), lost) == (before, 0)
            lost += 1
            commit(store, *rows, entity(odd + text.decode()))
        assert store.load([row.address for row in hot]) == [text] * 100

    assert store.counts()["bank/account"] == 704 - (beside[:6] == "DELETE")
    assert store.integrity_check() == []


def test_places_are_forgotten_after_a_commit_that_failed(store: SqliteStore) -> None:
    for _ in range(3):
        commit(store, entity("ada"))
    assert store._files.writer is not None

    store._files.writer.execute("PRAGMA query_only = ON")
    refusal(lambda: commit(store, entity("ada", b"not written")))
    store._files.writer.execute("PRAGMA query_only = OFF")
    commit(store, entity("ada", b"written"))

    assert store.load([ADA]) == [b"written"]


def moves(gathering: Gathering, *rows: EntityRow) -> list[Address]:
    plan = gathering.plan(rows)
    gathering.done(plan)
    return list(plan.moves)


def test_an_entity_that_is_written_now_and_then_stays() -> None:
    gathering, rare = Gathering(1, recent=10), entity("rare")

    def others(n: int) -> list[EntityRow]:
        """Entities that do not share the slot of *rare*: hashes of strings differ in each process."""
        rows = [entity(f"{n} {k}") for k in range(20)]
        return [row for row in rows if (hash(row.address) - hash(rare.address)) % SLOTS]

    for n in range(100):
        assert rare.address not in moves(gathering, rare, *others(n))


def test_an_entity_that_is_deleted_does_not_move_and_is_not_found_by_its_place() -> None:
    gathering = Gathering(1)

    assert moves(gathering, entity("ada")) == []
    assert moves(gathering, entity("ada", None)) == []
    assert moves(gathering, entity("ada"), entity("bob")) == [ADA]
    assert moves(gathering, entity("ada"), entity("bob")) == [BOB]
    assert gathering.plan([entity("ada"), entity("bob")]).places == {ADA: 3, BOB: 5}
    assert moves(gathering, entity("ada", None)) == []
    assert gathering.plan([entity("ada")]).places == {}


def test_a_place_counts_only_once_its_commit_is_durable() -> None:
    gathering = Gathering(1)
    moves(gathering, entity("ada"))

    assert gathering.plan([entity("ada")]).moves == [ADA]
    assert gathering.plan([entity("ada")]).places == {}
