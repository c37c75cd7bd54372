"""Moves all that is stored under one function type to another, in one transaction.

After an interruption nothing is moved: SQLite rolls it back when the store is next opened.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, Final

from statefun_actors.store import ContentRenaming, EntityRow, Message, Timer
from statefun_actors.store.sqlite.schema import MESSAGE, TIMER
from statefun_actors.store.sqlite.selects import PAGE, address_of, listed, message_of, timer_of

_ENTITIES: Final = (
    f"SELECT rowid, id, expires_ms, state FROM entity WHERE rowid > ? AND type = ? ORDER BY rowid LIMIT {PAGE}"
)
_THERE: Final = "SELECT 1 FROM entity WHERE type = ? AND id = ?"
_MESSAGE: Final = "SET id = ?, caller_id = ?, value = ? WHERE seq = ?"

_MOVES: Final = (
    "UPDATE entity SET type = :new WHERE type = :old",
    "UPDATE message SET type = :new WHERE type = :old",
    "UPDATE message SET caller_type = :new WHERE caller_type = :old",
    "UPDATE timer SET type = :new WHERE type = :old",
    "UPDATE timer SET caller_type = :new WHERE caller_type = :old",
    "UPDATE dead_letter SET type = :new WHERE type = :old",
    "UPDATE dead_letter SET caller_type = :new WHERE caller_type = :old",
    # Of two requests with one key, the one under the new name is kept.
    "UPDATE OR IGNORE request SET type = :new WHERE type = :old",
    "DELETE FROM request WHERE type = :old",
    "UPDATE OR IGNORE position SET name = 'shape:' || :new WHERE name = 'shape:' || :old",
    "DELETE FROM position WHERE name = 'shape:' || :old",
)


def rename_types(db: sqlite3.Connection, renamed: Mapping[str, str], contents: ContentRenaming | None = None) -> None:
    """Move what is stored under each key of *renamed* to its value; *contents* renames inside values.

    Raises:
        sqlite3.Error: nothing was moved.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        for old, new in renamed.items():
            for move in _MOVES:
                db.execute(move, {"old": old, "new": new})
        if contents is not None:
            _rename_inside(db, contents)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _rename_inside(db: sqlite3.Connection, contents: ContentRenaming) -> None:
    for typename in contents.typenames:
        for rowid, id, expires_ms, state in _pages(db, _ENTITIES, (typename,)):
            row = EntityRow(address_of(typename, id), state, expires_ms)
            new = contents.entity(row)
            if new.address != row.address and db.execute(_THERE, (*new.address,)).fetchone() is not None:
                db.execute("DELETE FROM entity WHERE rowid = ?", (rowid,))
            elif new != row:
                db.execute("UPDATE entity SET id = ?, state = ? WHERE rowid = ?", (new.address.id, new.packed, rowid))
    types = tuple(contents.typenames)
    marks = ", ".join("?" * len(types))
    concerned = f"WHERE seq > ? AND (type IN ({marks}) OR caller_type IN ({marks})) ORDER BY seq LIMIT {PAGE}"
    for table in ("message", "dead_letter"):
        for _, *columns in _pages(db, f"SELECT seq, {listed(MESSAGE)} FROM {table} {concerned}", types * 2):
            message = message_of(*columns)
            if (renamed := contents.message(message)) != message:
                db.execute(f"UPDATE {table} {_MESSAGE}", _changed(renamed))
    for _, *columns in _pages(db, f"SELECT seq, {listed(TIMER)} FROM timer {concerned}", types * 2):
        timer = timer_of(*columns)
        if (later := contents.timer(timer)) != timer:
            db.execute("UPDATE timer SET token = ? WHERE seq = ?", (later.token, later.seq))
            db.execute(f"UPDATE timer {_MESSAGE}", _changed(later))


def _changed(message: Message | Timer) -> tuple[str | bytes | int | None, ...]:
    caller = None if message.caller is None else message.caller.id
    return message.target.id, caller, message.value.value, message.seq


def _pages(db: sqlite3.Connection, select: str, types: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    """The rows of *select*, page by page, by the number in their first column: they may be changed meanwhile."""
    last = -1
    while rows := db.execute(select, (last, *types)).fetchall():
        yield from rows
        last = rows[-1][0]
