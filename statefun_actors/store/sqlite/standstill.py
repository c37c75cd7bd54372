"""A moment at which several stores stand still, so that snapshots of them fit together."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

from statefun_actors.store.sqlite.files import BUSY_SECONDS, store_error

_POLL: Final = 0.000_2
"""Seconds between two attempts: a busy engine begins its next commit within a millisecond after the last one."""


@contextmanager
def standstill(stores: Sequence[Path]) -> Generator[None]:
    """Within it, nothing is committed to any of *stores*: engines that want to commit wait. Keep it to milliseconds.

    It has the write lock of SQLite on each store. Whoever has the lock of one store waits for no other, so it can wait
    for each. A store that is a copy, which no engine has opened, is left alone, since it may not be writable.

    Args:
        stores: must be open for reading as well until this has ended: otherwise SQLite would move their logs.

    Raises:
        StoreError: a store can't be written, or a single commit of its engine takes longer than ten seconds.
    """
    end = time.monotonic() + BUSY_SECONDS
    with ExitStack() as held:
        for store in stores:
            try:
                db = held.enter_context(closing(sqlite3.connect(store, isolation_level=None, timeout=0)))
                if _lock(db, end):
                    held.callback(db.execute, "ROLLBACK")
            except sqlite3.Error as error:
                raise store_error(store, error) from error
        yield


def _lock(db: sqlite3.Connection, end: float) -> bool:
    """Take the write lock, unless *db* is a copy; return whether it was taken.

    Raises:
        sqlite3.Error: that is impossible; or another connection still has it at *end*, or still restores the store.
    """
    while True:
        try:
            ((mode,),) = db.execute("PRAGMA journal_mode").fetchall()
            if mode != "wal":
                return False
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() >= end:
                raise
        else:
            return True
        time.sleep(_POLL)
