"""The connection of the engine that writes a store: how SQLite is set for it, and the tables up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from statefun_actors.store.sqlite import schema
from statefun_actors.store.sqlite.files import BUSY_SECONDS

_CACHE_KIB: Final = 16_384
_LOG_BYTES: Final = 64 * 1024 * 1024
"""A log that grew longer than this, because somebody read for long, is cut back to it."""


def connect_to_write(path: Path) -> sqlite3.Connection:
    """A connection that may write *path*."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)


def prepare_to_write(db: sqlite3.Connection, path: Path, steps: Sequence[schema.Step], log_pages: int) -> None:
    """Set *db* up, and bring the tables in *path* up to date. Commits are durable with the next checkpoint only.

    SQLite brings the log home by itself once it has *log_pages* pages.

    Raises:
        StoreError: it is no store of ours, or of a newer version.
        sqlite3.Error: it can't be written.
    """
    for pragma in (
        f"page_size = {schema.PAGE_SIZE}",
        "journal_mode = WAL",
        "synchronous = NORMAL",  # what a start writes is durable with its checkpoint
        f"cache_size = -{_CACHE_KIB}",
        f"wal_autocheckpoint = {log_pages}",
        f"journal_size_limit = {_LOG_BYTES}",
        "secure_delete = OFF",
    ):
        db.execute(f"PRAGMA {pragma}").fetchall()
    version = schema.version(db, path, len(steps))
    schema.migrate(db, version, steps)
    if version < len(steps):  # so that the file alone says what it is
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
