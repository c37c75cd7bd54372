"""The store on disk: one SQLite file, one transaction per commit."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from statefun_actors.embedded.sqlite import schema, writing
from statefun_actors.embedded.sqlite.files import BUSY_SECONDS, Lock, connect_read_only, make_folder, store_error
from statefun_actors.embedded.sqlite.reader import Reads, SqliteReader
from statefun_actors.embedded.store import Commit, StoreError

_CACHE_KIB: Final = 16_384
_READER_CACHE_KIB: Final = 4_096
_CHECKPOINT_PAGES: Final = 8_000
_LOG_BYTES: Final = 64 * 1024 * 1024
"""A log that a long reader has made longer than this is cut back to it."""


class SqliteStore(Reads):
    """The store in the file *path*; it and the folders above it are made where they are missing.

    ``commits``: where they are written. ``"thread"`` leaves the event loop free meanwhile, ``"loop"`` needs no switch
    of threads.

    Raises:
        StoreError: no store can be had there: in use, no store of ours, newer than this version, out of reach.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        commits: Literal["auto", "loop", "thread"] = "auto",
        steps: Sequence[schema.Step] = schema.STEPS,
    ) -> None:
        self.path = Path(path)
        self._commits = commits
        self._writing = False
        self._thread: ThreadPoolExecutor | None = None
        self._reader: sqlite3.Connection | None = None
        self._writer: sqlite3.Connection | None = None
        self._lock: Lock | None = None
        try:
            make_folder(self.path.parent)
            self._lock = Lock(self.path)
            self._open(steps)
        except BaseException as error:
            self.close()
            if isinstance(error, sqlite3.Error):
                raise store_error(self.path, error) from error
            if isinstance(error, OSError):
                raise StoreError(str(path), str(error), "Choose another path.") from error
            raise

    @staticmethod
    def open_reader(path: Path | str) -> SqliteReader:
        """The store in *path* for reading only, beside an engine that runs on it, or without one."""
        return SqliteReader(path)

    async def commit(self, commit: Commit) -> None:
        """Make *commit* durable, whole. Being cancelled, it still ends first what it has begun.

        Raises:
            StoreError: nothing was written; the store can be used again once the cause is gone.
        """
        try:
            change = writing.parameters(commit)
            self._in_place()
            if self._commits == "loop":
                writing.write(self._connection(), change)
            else:
                await self._write_in_thread(change)
        except (sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
            raise store_error(self.path, error) from error

    def close(self) -> None:
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None
        for db in (self._reader, self._writer):
            if db is not None:
                db.close()
        self._reader = self._writer = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _open(self, steps: Sequence[schema.Step]) -> None:
        version = 0
        if self.path.exists():
            self._reader = connect_read_only(self.path)  # first of all, since what isn't ours is to stay as it is
            version = schema.version(self._reader, self.path, len(steps))
        self._writer = db = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS
        )
        for pragma in (
            f"page_size = {schema.PAGE_SIZE}",
            "journal_mode = WAL",
            "synchronous = FULL",
            f"cache_size = -{_CACHE_KIB}",
            f"wal_autocheckpoint = {_CHECKPOINT_PAGES}",
            f"journal_size_limit = {_LOG_BYTES}",
            "secure_delete = OFF",
        ):
            db.execute(f"PRAGMA {pragma}").fetchall()
        db.execute("BEGIN IMMEDIATE")  # fails if it can't be written
        db.execute("ROLLBACK")
        schema.migrate(db, version, steps)
        writing.prepare(db)
        if self._reader is None:
            self._reader = connect_read_only(self.path)
        self._reader.execute(f"PRAGMA cache_size = -{_READER_CACHE_KIB}")
        self._identity = _identity(self.path)

    def _in_place(self) -> None:
        """A file that was deleted could still be written, and nobody would ever find it.

        Raises:
            StoreError: the file isn't there any more.
        """
        if _identity(self.path) != self._identity:
            raise StoreError(str(self.path), "its file has been deleted, moved or replaced", "Put it back.")

    async def _write_in_thread(self, change: writing.Parameters) -> None:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "store")
        db = self._connection()
        self._writing = True
        written = asyncio.get_running_loop().run_in_executor(self._thread, writing.write, db, change)
        written.add_done_callback(self._written)
        try:
            await asyncio.shield(written)
        except asyncio.CancelledError:
            with suppress(Exception):
                await written
            raise

    def _written(self, _: object) -> None:
        self._writing = False

    def _connection(self) -> sqlite3.Connection:
        """For the next read: the writer's, which remembers what it wrote last; while that writes, the other one."""
        db = self._reader if self._writing else self._writer
        if db is None:
            raise StoreError(str(self.path), "it is closed")
        return db


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
