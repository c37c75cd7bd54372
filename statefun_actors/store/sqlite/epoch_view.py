"""The temporary view ``epoch``, and the triggers that apply a row of it, which is a whole commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

from statefun_actors.store.sqlite.schema import DEAD_LETTER, EGRESS, ENTITY, HISTORY, MESSAGE, REQUEST, TIMER

NO_ROWS: Final = 0


class CommitRows(NamedTuple):
    """One row for the view ``epoch``: JSON lists of rows, or :data:`NO_ROWS`.

    All its items are strings, integers and a bytearray: for anything else, even None and bytes, the module sqlite3
    searches an adapter each time.

    The last two items of a row are the position of its bytes in ``bytes``, counted from 1, and their number.
    """

    moves: str | int
    placed: str | int
    entities: str | int
    entities_gone: str | int
    messages: str | int
    messages_done: str | int
    timers: str | int
    timers_done: str | int
    egress: str | int
    egress_done: str | int
    dead_letters: str | int
    dead_letters_done: str | int
    history: str | int
    history_done: str | int
    requests: str | int
    requests_done: str | int
    positions: str | int
    next_seq: int
    bytes: bytearray


def prepare(db: sqlite3.Connection) -> None:
    """Create the view that :func:`write` writes to. It is temporary: nothing of it is in the file."""
    db.execute(f"CREATE TEMP VIEW epoch AS SELECT {', '.join(f'NULL AS {name}' for name in _COLUMNS)}")
    for when, statements in _TRIGGERS:
        any_rows = " OR ".join(f"new.{column} <> {NO_ROWS}" for column in when)
        db.execute(
            f"CREATE TEMP TRIGGER epoch_{when[0]} INSTEAD OF INSERT ON epoch "
            f"WHEN {any_rows} BEGIN {'; '.join(statements)}; END"
        )


_COLUMNS: Final = (*CommitRows._fields, "owner", "last_seq")
INSERT_EPOCH: Final = f"INSERT INTO epoch VALUES ({', '.join('?' * len(_COLUMNS))})"
NOT_OWNER: Final = "the store has another owner"
OLDER: Final = "the store has an older state"

TABLES: Final = (
    # columns of the view, table, columns of the table
    ("messages", "messages_done", "message", MESSAGE),
    ("timers", "timers_done", "timer", TIMER),
    ("egress", "egress_done", "egress", EGRESS),
    ("dead_letters", "dead_letters_done", "dead_letter", DEAD_LETTER),
    ("history", "history_done", "history", HISTORY),
)
UPSERT: Final = "ON CONFLICT (type, id) DO UPDATE SET expires_ms = excluded.expires_ms, state = excluded.state"
DELETE_ENTITIES: Final = "DELETE FROM entity WHERE (type, id) IN"
DELETE_REQUESTS: Final = "DELETE FROM request WHERE (type, id, key) IN"
UPSERT_BY_ROWID: Final = (
    "ON CONFLICT (rowid) DO UPDATE SET expires_ms = excluded.expires_ms, state = excluded.state "
    "WHERE type = excluded.type AND id = excluded.id"
)
ENTITY_BY_ROWID: Final = ("rowid", *ENTITY)
WRONG_ROWID: Final = "a row id is wrong"
SET_NEXT_SEQ: Final = "UPDATE counter SET next_seq = ? WHERE next_seq < ?"


def _items(count: int) -> list[str]:
    return [f"json_extract(value, '$[{n}]')" for n in range(count)]


def _each(rows: str) -> str:
    """The rows of the JSON list in the view's column *rows*."""
    return f"json_each(nullif(new.{rows}, {NO_ROWS}))"


def _select(rows: str, columns: Sequence[str]) -> str:
    """SELECT of the rows of the JSON list in the view's column *rows*; the last column is bytes."""
    *items, size = _items(len(columns) + 1)
    *items, at = items
    return f"SELECT {', '.join(items)}, substr(new.bytes, {at}, {size}) FROM {_each(rows)}"


_TRIGGERS: Final[Sequence[tuple[tuple[str, ...], tuple[str, ...]]]] = (
    # if one of these columns has rows, run these statements
    (
        ("placed", "entities", "entities_gone"),
        (
            f"{DELETE_ENTITIES} (SELECT {', '.join(_items(2))} FROM {_each('moves')})",
            f"{DELETE_ENTITIES} (SELECT {', '.join(_items(2))} FROM {_each('entities_gone')})",
            f"INSERT INTO entity ({', '.join(ENTITY_BY_ROWID)}) {_select('placed', ENTITY_BY_ROWID)} WHERE true "
            "ON CONFLICT (rowid) DO UPDATE SET expires_ms = excluded.expires_ms, state = "
            f"iif(type = excluded.type AND id = excluded.id, excluded.state, RAISE(ABORT, '{WRONG_ROWID}'))",
            f"INSERT INTO entity ({', '.join(ENTITY)}) {_select('entities', ENTITY)} WHERE true {UPSERT}",
        ),
    ),
    *(
        (
            (born, done),
            (
                f"DELETE FROM {table} WHERE seq IN (SELECT value FROM {_each(done)})",
                f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) {_select(born, columns)}",
            ),
        )
        for born, done, table, columns in TABLES
    ),
    (
        ("requests", "requests_done"),
        (
            f"{DELETE_REQUESTS} (SELECT {', '.join(_items(3))} FROM {_each('requests_done')})",
            f"INSERT OR REPLACE INTO request ({', '.join(REQUEST)}) {_select('requests', REQUEST)}",
        ),
    ),
    (
        ("positions",),
        (f"INSERT OR REPLACE INTO position SELECT {', '.join(_items(2))} FROM {_each('positions')}",),
    ),
    (
        ("next_seq",),
        (
            f"SELECT RAISE(ABORT, '{NOT_OWNER}') WHERE NOT EXISTS (SELECT 1 FROM owner WHERE id = new.owner)",
            f"SELECT RAISE(ABORT, '{OLDER}') FROM counter WHERE next_seq < new.last_seq",
            SET_NEXT_SEQ.replace("?", "new.next_seq"),
        ),
    ),
)
