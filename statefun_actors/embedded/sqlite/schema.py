"""The tables, their version, and the steps from each version to the next.

Plain columns, so that ``sqlite3 store.db 'SELECT * FROM timer ORDER BY due_ms'`` answers questions. ``message.seq``,
``timer.seq``, ``egress.seq`` and ``dead_letter.seq`` are the engine's numbers and the row ids.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

from statefun_actors.embedded.store import StoreError

APPLICATION_ID: Final = 0x53664163
"""``SfAc`` in the header of the file: "this SQLite database is ours" (``file`` and ``PRAGMA application_id`` show it)."""

Step = Callable[[sqlite3.Connection], None]

_V1: Final = """
CREATE TABLE entity (
    type TEXT NOT NULL, id TEXT NOT NULL, state BLOB NOT NULL, expires_ms INTEGER,
    PRIMARY KEY (type, id)
) WITHOUT ROWID;
CREATE INDEX entity_expiry ON entity (expires_ms) WHERE expires_ms IS NOT NULL;
CREATE TABLE message (
    seq INTEGER PRIMARY KEY, type TEXT NOT NULL, id TEXT NOT NULL, caller_type TEXT, caller_id TEXT,
    value_type TEXT NOT NULL, value BLOB NOT NULL
);
CREATE TABLE timer (
    seq INTEGER PRIMARY KEY, due_ms INTEGER NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
    caller_type TEXT, caller_id TEXT, token TEXT, value_type TEXT NOT NULL, value BLOB NOT NULL
);
CREATE INDEX timer_due ON timer (due_ms, seq);
CREATE INDEX timer_token ON timer (caller_type, caller_id, token) WHERE token IS NOT NULL;
CREATE TABLE egress (
    seq INTEGER PRIMARY KEY, egress TEXT NOT NULL, value_type TEXT NOT NULL, value BLOB NOT NULL
);
CREATE TABLE dead_letter (
    seq INTEGER PRIMARY KEY, message_seq INTEGER NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
    caller_type TEXT, caller_id TEXT, value_type TEXT NOT NULL, value BLOB NOT NULL,
    error_type TEXT NOT NULL, error TEXT NOT NULL, attempts INTEGER NOT NULL, time_ms INTEGER NOT NULL
);
CREATE TABLE position (name TEXT PRIMARY KEY, position TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE counter (next_seq INTEGER NOT NULL);
INSERT INTO counter VALUES (1);
"""


def _create(db: sqlite3.Connection) -> None:
    for statement in _V1.split(";")[:-1]:
        db.execute(statement)


STEPS: Final[Sequence[Step]] = (_create,)
"""``STEPS[n]`` leads from version *n* to *n + 1*; version 0 is the empty file."""


def check(db: sqlite3.Connection, store: str, newest: int) -> int:
    """The version of the store behind *db*. Only reads.

    Raises:
        StoreError: another application's database, or a store of a newer version.
    """
    (application_id,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application_id != APPLICATION_ID and (application_id or version or tables):
        raise StoreError(store, "this is the database of another application", "Choose another path.")
    if version > newest:
        raise StoreError(
            store,
            f"its version is {version}, this installation reads up to {newest}",
            "Install the statefun-actors that wrote it, or a newer one.",
        )
    return int(version)


def migrate(db: sqlite3.Connection, version: int, steps: Sequence[Step]) -> None:
    """Take the store from *version* to the newest, one transaction a step: a crash leaves a whole version."""
    for number, step in enumerate(steps[version:], start=version + 1):
        db.execute("BEGIN IMMEDIATE")
        try:
            step(db)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {number}")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
