"""The store on disk: one SQLite file, one transaction for each commit.

The event loop's thread writes small commits on a disk that syncs fast: they end before a second thread would wake up.
The store's own thread writes all others, and runs checkpoints, which take tens of milliseconds.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Final, Literal

from statefun_actors.store import Commit, ContentRenaming, StoreError, StoreMismatchError, StoreTakenError
from statefun_actors.store.sqlite import epoch_view, log_marks, renaming, schema, writing
from statefun_actors.store.sqlite.connecting import connect_to_write, prepare_to_write
from statefun_actors.store.sqlite.files import (
    commit_error,
    connect_read_only,
    keep_private,
    make_private_file,
    store_error,
    unopened,
)
from statefun_actors.store.sqlite.gathering import Gathering, Plan
from statefun_actors.store.sqlite.in_place import InPlace
from statefun_actors.store.sqlite.lock import Lock
from statefun_actors.store.sqlite.ownership import Ownership, owner_of
from statefun_actors.store.sqlite.reader import Reads, SqliteReader
from statefun_actors.system import make_folder

logger: Final = logging.getLogger("statefun_actors.engine")

_READER_CACHE_KIB: Final = 4_096
_LOG_PAGES: Final = 8_000
"""Pages in the log that trigger a checkpoint: enough that hot pages, which are in it many times, are written once."""
_LOOP_SECONDS: Final = 0.001
"""Maximum seconds for which a commit may block the event loop."""
_ROW_SECONDS: Final = 0.000_01


class SqliteStore(Reads):
    """The store in the file *path*, which is created with its missing folders.

    Args:
        path: the file; SQLite keeps its log next to it, in ``<path>-wal`` and ``<path>-shm``.
        commits: the thread that writes commits: ``"loop"`` that of the event loop, ``"thread"`` another one, ``"auto"``
            that of the loop if it takes less than about 1 ms.
        brief: it will be closed at once, so an engine that starts meanwhile waits for it instead of failing.
        steps: migrations from each version of the tables to the next, for tests.

    Raises:
        StoreError: the store can't be opened: it is in use, not ours, of a newer version, or not accessible.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        commits: Literal["auto", "loop", "thread"] = "auto",
        brief: bool = False,
        steps: Sequence[schema.Step] = schema.STEPS,
    ) -> None:
        self.path = Path(path)
        self._file = self.path.resolve()
        """The file that :attr:`path` resolves to."""
        self._brief = brief
        self._steps = steps
        self._commits = commits
        self._sync_seconds = 0.0
        self._log_pages = 0
        self._thread = ThreadPoolExecutor(1, "statefun-actors store")
        self._running: Future[None] | None = None
        """The last call submitted to the thread."""
        self._reader: sqlite3.Connection | None = None
        self._writer: sqlite3.Connection | None = None
        self._lock: Lock | None = None
        self._ownership = Ownership(self._file)
        self._keeps_log = False
        """Whether to keep the log, since the file next to it is another one."""
        try:
            make_folder(self._file.parent)
            # Before anything else, since files that aren't ours must not be changed.
            log_marks.check_together(self.path, len(steps))
            if self._file.exists():
                self._reader = connect_read_only(self.path)
                schema.version(self._reader, self.path, len(steps))
            self._lock = Lock(self.path, brief=brief)
            if not self._file.exists():
                make_private_file(self._file)
            keep_private(self._file)
            self._open()
        except BaseException as error:
            self.close()
            if isinstance(error, sqlite3.Error):
                raise store_error(self.path, error) from error
            if isinstance(error, OSError):
                raise unopened(self.path, error) from error
            raise

    @staticmethod
    def open_reader(path: Path | str) -> SqliteReader:
        """Open the store in *path* for reading only, with or without an engine on it."""
        return SqliteReader(path)

    async def commit(self, commit: Commit) -> None:
        """Make *commit* durable, all or nothing. If it is cancelled, it still completes a started write.

        Raises:
            CommitRefusedError: nothing was written, and this commit will never succeed.
            StoreError: nothing was written; the store works again after the cause is resolved.
        """
        plan = self._gathering.plan(commit.entities)
        try:
            try:
                change = await self._make(commit, plan)
            except sqlite3.IntegrityError:
                if not plan.places:
                    raise
                # A row id may be wrong, which is not an error of the commit: try again without any.
                self._gathering.forget()
                plan = Plan()
                change = await self._make(commit, plan)
        except (sqlite3.Error, OverflowError, TypeError, ValueError) as error:
            self._gathering.forget()
            raise commit_error(self.path, error) from error
        self._gathering.done(plan)
        self._log_pages += change.pages
        if self._log_pages >= _LOG_PAGES and self._commits != "loop":
            self._log_pages = 0
            self._running = self._thread.submit(self._checkpoint)

    def rename_types(self, renamed: Mapping[str, str], contents: ContentRenaming | None = None) -> None:
        """Move all that is stored under each key of *renamed* to its value, in one transaction.

        Raises:
            StoreError: nothing was moved.
        """
        db = self._writer
        if db is None:
            raise StoreError(str(self.path), "it is closed")
        try:
            renaming.rename_types(db, renamed, contents)
        except sqlite3.Error as error:
            raise store_error(self.path, error) from error

    async def _make(self, commit: Commit, plan: Plan) -> writing.PreparedCommit:
        """Prepare *commit*, with row ids according to *plan*."""
        change = writing.change(commit, plan)
        if not self._in_place.undisturbed():
            await self._check_files()
        if self._on_loop(change):
            self._write(change)
        else:
            await self._in_thread(self._write, change)
        return change

    @property
    def largest_row(self) -> int:
        if self._writer is None:
            raise StoreError(str(self.path), "it is closed")
        return self._writer.getlimit(sqlite3.SQLITE_LIMIT_LENGTH)

    def announce(self, contact: str | None) -> None:
        """Publish the control socket of the store's engine in the lock file; None: the engine is shutting down."""
        if self._lock is not None:
            self._lock.announce(contact)

    def close(self) -> None:
        """Close the files. Safe to call twice."""
        self._thread.shutdown()
        self._running = None
        self._disconnect()
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        self._ownership.end()

    def _disconnect(self) -> None:
        connections = [self._reader, self._writer]
        if self._keeps_log:  # SQLite checkpoints and deletes the log when the last write connection is closed
            connections.reverse()
        for db in connections:
            if db is not None:
                db.close()
        self._reader = self._writer = None

    def _open(self) -> None:
        self._writer = db = connect_to_write(self.path)
        # If the thread checkpoints the log, SQLite does so only if the thread can't.
        prepare_to_write(db, self.path, self._steps, _LOG_PAGES * (1 if self._commits == "loop" else 4))
        all_home = log_marks.bring_home(db)
        self._ownership.take(db, self.path)  # fails if nothing can be written
        if all_home and not self._brief:
            log_marks.renew(db, self._ownership.owner)  # the file itself now gets a mark that no copy of it has
            self._run_checkpoint()
        db.execute("PRAGMA synchronous = FULL")
        epoch_view.prepare(db)
        ((last,),) = db.execute("SELECT coalesce(max(rowid), 0) FROM entity").fetchall()
        self._gathering = Gathering(last + 1)
        if self._reader is None:
            self._reader = connect_read_only(self.path)
        self._reader.execute(f"PRAGMA cache_size = -{_READER_CACHE_KIB}")
        self._in_place = InPlace(self._file)

    async def _check_files(self) -> None:
        """Handle files that have changed since they were last checked.

        Raises:
            StoreError: the store's file no longer exists.
            StoreMismatchError: another file was copied over it. No retry helps.
        """
        if self._running is not None:
            await asyncio.wait([asyncio.wrap_future(self._running)])
        db = self._writer
        if db is None:
            raise StoreError(str(self.path), "it is closed")
        if not self._in_place.has_file():
            # A deleted file could still be written, but its content would be lost.
            raise StoreError(str(self.path), "its file was deleted, moved or replaced", "Put it back.")
        if not log_marks.is_of_log(self._file, db, len(self._steps)):
            self._keeps_log = True
            raise StoreMismatchError(
                str(self.path),
                "its file was overwritten while an engine ran on it, which ends; the messages acknowledged since it "
                "was last written are in its log",
                "Stop the engine before a file is copied; to restore a backup, use `statefun-actors restore`.",
            )
        if not self._in_place.has_log():
            self._save_log(db)
        self._in_place.look()

    def _save_log(self, db: sqlite3.Connection) -> None:
        """Save a deleted log, which is still open, to the file, and create a new one.

        Raises:
            StoreError: a reader of the store prevents it.
        """
        if not log_marks.bring_home(db):
            raise StoreError(str(self.path), "its log was deleted, and another program reads it", "Stop that program.")
        logger.warning("store %s: its log was deleted; nothing is lost, and a new log was created", self.path)
        self._disconnect()
        self._open()

    def _on_loop(self, change: writing.PreparedCommit) -> bool:
        if self._commits != "auto":
            return self._commits == "loop"
        return not self._busy and self._sync_seconds + change.rows * _ROW_SECONDS < _LOOP_SECONDS

    def _write(self, change: writing.PreparedCommit) -> None:
        db = self._writer
        if db is None:
            raise StoreError(str(self.path), "it is closed")
        started = perf_counter()
        try:
            writing.write(db, change.epoch, self._ownership.owner.id)
        except writing.NotOwnerError as error:
            raise StoreTakenError(str(self.path), str(owner_of(db) or "another process")) from error
        syncing = min(perf_counter() - started - change.rows * _ROW_SECONDS, 5 * _LOOP_SECONDS)
        self._sync_seconds += 0.2 * (syncing - self._sync_seconds)

    def _checkpoint(self) -> None:
        with suppress(sqlite3.Error, OSError):  # it is tried again
            self._run_checkpoint()

    def _run_checkpoint(self) -> None:
        """Run a checkpoint; if all of the log is in the file, mark the new log."""
        if self._writer is None or not log_marks.bring_home(self._writer):
            return
        marks = log_marks.renew(self._writer, self._ownership.owner)
        if marks is not None and self._lock is not None:
            with suppress(OSError):  # disk full: then a deleted log is not detected
                self._lock.tell_log(*marks)

    async def _in_thread(self, work: Callable[[writing.PreparedCommit], None], change: writing.PreparedCommit) -> None:
        self._running = self._thread.submit(work, change)
        done = asyncio.wrap_future(self._running)
        try:
            await asyncio.shield(done)
        except asyncio.CancelledError:
            with suppress(Exception):
                await done
            raise

    @property
    def _busy(self) -> bool:
        """Whether the thread is using the write connection."""
        return self._running is not None and not self._running.done()

    def _connection(self) -> sqlite3.Connection:
        """The connection of the next read: the writer's, which caches recent writes; while it is busy, the reader's."""
        db = self._reader if self._busy else self._writer
        if db is None:
            raise StoreError(str(self.path), "it is closed")
        return db
