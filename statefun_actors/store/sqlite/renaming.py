"""Moves all that is stored under one function type to another, in one transaction.

After an interruption nothing is moved: SQLite rolls it back when the store is next opened.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

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


def rename_types(db: sqlite3.Connection, renamed: Mapping[str, str]) -> None:
    """Move what is stored under each key of *renamed* to its value.

    Raises:
        sqlite3.Error: nothing was moved.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        for old, new in renamed.items():
            for move in _MOVES:
                db.execute(move, {"old": old, "new": new})
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
