"""Opens and configures the write connection of a SQLite store, and migrates its tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from statefun_actors.store.sqlite import schema
from statefun_actors.store.sqlite.files import connect

_CACHE_KIB: Final = 16_384
LOG_BYTES: Final = 64 * 1024 * 1024
"""If the log grew beyond this size, because of a long read, it is truncated to it."""


def connect_to_write(path: Path) -> sqlite3.Connection:
    """A connection that may write *path*, which exists."""
    return connect(path, "rw")


def prepare_to_write(db: sqlite3.Connection, path: Path, steps: Sequence[schema.Step], log_pages: int) -> None:
    """Configure *db*, and migrate the tables in *path*. Its commits are durable after the next checkpoint only.

    SQLite runs a checkpoint by itself when the log has *log_pages* pages.

    Raises:
        StoreError: it is not a store of ours, or of a newer version.
        sqlite3.Error: it can't be written.
    """
    for pragma in (
        f"page_size = {schema.PAGE_SIZE}",
        "journal_mode = WAL",
        "synchronous = NORMAL",  # writes at the start are durable after its checkpoint
        f"cache_size = -{_CACHE_KIB}",
        f"wal_autocheckpoint = {log_pages}",
        f"journal_size_limit = {LOG_BYTES}",
        "secure_delete = OFF",
    ):
        db.execute(f"PRAGMA {pragma}").fetchall()
    version = schema.version(db, path, len(steps))
    schema.migrate(db, version, steps)
    if version < len(steps):  # so that the file has its version without the log
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
