"""The tables of a store, their version, and the migrations from each version to the next.

Plain columns, so that ``sqlite3 store.db 'SELECT * FROM timer ORDER BY due_ms'`` answers questions.

``entity`` is a table with row ids and an index on its key, not ``WITHOUT ROWID``: with states of 1 kB the latter is
three times larger and writes at half the speed, with small ones it gains little. Pages have 2 kB rather than 4:
entities that are written together may lie apart, so each writes a page, and half the bytes are half the work.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from statefun_actors.store import StoreError
from statefun_actors.store.sqlite.files import store_error

APPLICATION_ID: Final = 0x53664163
"""``SfAc``, in the header of the file: identifies a database of this application."""

PAGE_SIZE: Final = 2048

ENTITY: Final = ("type", "id", "expires_ms", "state")
MESSAGE: Final = ("seq", "type", "id", "caller_type", "caller_id", "headers", "value_type", "value")
TIMER: Final = ("seq", "due_ms", "type", "id", "caller_type", "caller_id", "token", "headers", "value_type", "value")
EGRESS: Final = ("seq", "egress", "headers", "value_type", "value")
DEAD_LETTER: Final = (
    *("seq", "error_type", "error", "attempts", "time_ms"),
    *("message_seq", "type", "id", "caller_type", "caller_id", "headers", "value_type", "value"),
)
HISTORY: Final = ("seq", "keys", "packed")
REQUEST: Final = ("type", "id", "key", "digest", "time_ms", "request", "state", "value_type", "value")

Step = Callable[[sqlite3.Connection], None]


_V1: Final = """
CREATE TABLE entity (type TEXT NOT NULL, id TEXT NOT NULL, expires_ms INTEGER, state BLOB NOT NULL);
CREATE UNIQUE INDEX entity_key ON entity (type, id);
CREATE INDEX entity_expiry ON entity (expires_ms) WHERE expires_ms IS NOT NULL;

CREATE TABLE message (
    seq INTEGER PRIMARY KEY, type TEXT NOT NULL, id TEXT NOT NULL, caller_type TEXT, caller_id TEXT,
    value_type TEXT NOT NULL, value BLOB NOT NULL);

CREATE TABLE timer (
    seq INTEGER PRIMARY KEY, due_ms INTEGER NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
    caller_type TEXT, caller_id TEXT, token TEXT, value_type TEXT NOT NULL, value BLOB NOT NULL);
CREATE INDEX timer_due ON timer (due_ms);
CREATE INDEX timer_token ON timer (caller_type, caller_id, token) WHERE token IS NOT NULL;

CREATE TABLE egress (
    seq INTEGER PRIMARY KEY, egress TEXT NOT NULL, value_type TEXT NOT NULL, value BLOB NOT NULL);

CREATE TABLE dead_letter (
    seq INTEGER PRIMARY KEY, error_type TEXT NOT NULL, error TEXT NOT NULL, attempts INTEGER NOT NULL,
    time_ms INTEGER NOT NULL, message_seq INTEGER NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
    caller_type TEXT, caller_id TEXT, value_type TEXT NOT NULL, value BLOB NOT NULL);

CREATE TABLE position (name TEXT PRIMARY KEY, position TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE counter (next_seq INTEGER NOT NULL);
INSERT INTO counter VALUES (1)
"""


def _create(db: sqlite3.Connection) -> None:
    for statement in _V1.split(";"):
        db.execute(statement)


def _find_messages_by_target(db: sqlite3.Connection) -> None:
    db.execute("CREATE INDEX message_target ON message (type, id)")


_REQUESTS: Final = """
CREATE TABLE request (
    type TEXT NOT NULL, id TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL, time_ms INTEGER NOT NULL,
    request TEXT NOT NULL, state TEXT NOT NULL, value_type TEXT, value BLOB NOT NULL);
CREATE UNIQUE INDEX request_key ON request (type, id, key);
CREATE INDEX request_time ON request (time_ms, type, id, key);
CREATE INDEX request_pending ON request (type, id, key) WHERE state IN ('pending', 'pending reply')
"""


def _keep_requests(db: sqlite3.Connection) -> None:
    for statement in _REQUESTS.split(";"):
        db.execute(statement)


_OWNER: Final = """
CREATE TABLE owner (
    id TEXT NOT NULL, process INTEGER NOT NULL, host TEXT NOT NULL, since TEXT NOT NULL, path TEXT NOT NULL);
ALTER TABLE counter ADD COLUMN log_base TEXT;
ALTER TABLE counter ADD COLUMN log_mark TEXT;
UPDATE counter SET log_mark = lower(hex(randomblob(8)))
"""


def _keep_owner(db: sqlite3.Connection) -> None:
    """Add the last owner of the store (ownership.py), and the marks of its log (log_marks.py)."""
    for statement in _OWNER.split(";"):
        db.execute(statement)


def _keep_headers(db: sqlite3.Connection) -> None:
    """Add the headers of messages, a JSON object of strings; NULL where there are none."""
    for table in ("message", "timer", "dead_letter"):
        db.execute(f"ALTER TABLE {table} ADD COLUMN headers TEXT")


def _keep_egress_headers(db: sqlite3.Connection) -> None:
    """Add the headers of egress records, in the same form."""
    db.execute("ALTER TABLE egress ADD COLUMN headers TEXT")


def _keep_history(db: sqlite3.Connection) -> None:
    """Add the history of all entities: a few rows, each of one epoch or of several small ones (history/recorder.py)."""
    db.execute("CREATE TABLE history (seq INTEGER PRIMARY KEY, keys TEXT NOT NULL, packed BLOB NOT NULL)")


STEPS: Final[Sequence[Step]] = (
    _create,
    _find_messages_by_target,
    _keep_requests,
    _keep_owner,
    _keep_headers,
    _keep_egress_headers,
    _keep_history,
)
"""``STEPS[n]`` migrates version *n* to *n + 1*; version 0 is the empty file."""

WITH_MARKS: Final = STEPS.index(_keep_owner) + 1
"""The first version that has an owner and marks of its log."""


def version(db: sqlite3.Connection, path: Path, newest: int) -> int:
    """The version of the store of *db*; 0 for an empty file. Only reads.

    Raises:
        StoreError: not a database, another application's, or a store of a version above *newest*.
    """
    try:
        # One statement, since the store may be created or migrated meanwhile; these pragmas are functions.
        ((application_id, version, things),) = db.execute(
            "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),"
            " (SELECT count(*) FROM sqlite_master)"
        ).fetchall()
    except sqlite3.Error as error:
        raise store_error(path, error) from error
    if application_id != APPLICATION_ID and (application_id or version or things):
        raise StoreError(str(path), "it is the SQLite database of another application", "Choose another path.")
    if version > newest:
        raise StoreError(
            str(path),
            f"it is of version {version}, made by a newer statefun-actors; this one reads up to version {newest}",
            "Install the newer one again.",
        )
    return int(version)


def migrate(db: sqlite3.Connection, at: int, steps: Sequence[Step]) -> None:
    """Migrate the store from version *at* to the newest, in one transaction."""
    if at == len(steps):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for step in steps[at:]:
            step(db)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {len(steps)}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
