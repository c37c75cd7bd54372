"""The store on disk: one SQLite file, one transaction for each commit.

The event loop's thread writes small commits on a disk that syncs fast: they end before a second thread would wake up.
The store's own thread writes all others, and runs checkpoints, which take tens of milliseconds.
"""

from __future__ import annotations

import asyncio
import functools
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any, Final, Literal, TypeVar

from statefun_actors.store import Commit, ContentRenaming, StoreTakenError
from statefun_actors.store.sqlite import log_marks, renaming, schema, writing
from statefun_actors.store.sqlite.files import (
    check_regular,
    commit_error,
    keep_private,
    make_private_file,
    store_error,
    unopened,
)
from statefun_actors.store.sqlite.gathering import Gathering, Plan
from statefun_actors.store.sqlite.lock import Lock
from statefun_actors.store.sqlite.open_files import OpenFiles
from statefun_actors.store.sqlite.ownership import owner_of
from statefun_actors.store.sqlite.reader import Reads, SqliteReader
from statefun_actors.system import make_folder, real_path

_T = TypeVar("_T")
_LOG_PAGES: Final = 8_000
"""Pages in the log that trigger a checkpoint: enough that hot pages, which are in it many times, are written once."""
_LOOP_SECONDS: Final = 0.001
"""Maximum seconds for which a commit may block the event loop."""
_ROW_SECONDS: Final = 0.000_01
_LARGE: Final = 5_000
"""Rows of a commit above which the thread also prepares it: that takes about a millisecond for a thousand."""


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
        self._commits = commits
        self._sync_seconds = 0.0
        self._log_pages = 0
        self._thread = ThreadPoolExecutor(1, "statefun-actors store")
        self._running: Future[Any] | None = None
        """The last call submitted to the thread."""
        self._lock: Lock | None = None
        # If the thread checkpoints the log, SQLite does so only if the thread can't.
        self._files = OpenFiles(self.path, steps, _LOG_PAGES * (1 if commits == "loop" else 4), brief=brief)
        try:
            file = real_path(self.path)
            make_folder(file.parent)
            check_regular(self.path)
            # Before anything else, since files that aren't ours must not be changed.
            log_marks.check_together(self.path, len(steps))
            if file.exists():
                self._files.read_first()
            self._lock = Lock(self.path, brief=brief)
            if not file.exists():
                make_private_file(file)
            keep_private(file)
            self._files.open(self._lock)
            ((last,),) = self._files.connected().execute("SELECT coalesce(max(rowid), 0) FROM entity").fetchall()
            self._gathering = Gathering(last + 1)
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
        self._files.wrote()
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
        db = self._files.connected()
        try:
            renaming.rename_types(db, renamed, contents)
        except sqlite3.Error as error:
            raise store_error(self.path, error) from error

    async def _make(self, commit: Commit, plan: Plan) -> writing.PreparedCommit:
        """Prepare *commit*, with row ids according to *plan*."""
        rows = len(commit.messages) + len(commit.entities) + len(commit.timers) + len(commit.egress)
        if self._commits != "loop" and rows > _LARGE:
            change = await self._in_thread(functools.partial(writing.change, commit, plan))
        else:
            change = writing.change(commit, plan)
        if not self._files.undisturbed():
            if self._running is not None:
                await asyncio.wait([asyncio.wrap_future(self._running)])
            self._files.check()
        if self._on_loop(change):
            self._write(change)
        else:
            await self._in_thread(functools.partial(self._write, change))
        return change

    @property
    def largest_row(self) -> int:
        return self._files.connected().getlimit(sqlite3.SQLITE_LIMIT_LENGTH)

    def announce(self, contact: str | None) -> None:
        """Publish the control socket of the store's engine in the lock file; None: the engine is shutting down."""
        if self._lock is not None:
            self._lock.announce(contact)

    def close(self) -> None:
        """Close the files. Safe to call twice.

        Raises:
            StoreError: one of them was replaced while they were open: the log was kept, and nothing was changed.
        """
        self._thread.shutdown()
        self._running = None
        try:
            self._files.close()
        finally:
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    def _on_loop(self, change: writing.PreparedCommit) -> bool:
        if self._commits != "auto":
            return self._commits == "loop"
        return not self._busy and self._sync_seconds + change.rows * _ROW_SECONDS < _LOOP_SECONDS

    def _write(self, change: writing.PreparedCommit) -> None:
        files = self._files
        db = files.connected()
        started = perf_counter()
        try:
            writing.write(db, change.epoch, files.ownership.owner.id, files.next_seq)
        except writing.NotOwnerError as error:
            raise StoreTakenError(str(self.path), str(owner_of(db) or "another process")) from error
        except writing.OlderStateError as error:
            raise files.older() from error
        files.next_seq = max(files.next_seq, change.epoch.next_seq)
        syncing = min(perf_counter() - started - change.rows * _ROW_SECONDS, 5 * _LOOP_SECONDS)
        self._sync_seconds += 0.2 * (syncing - self._sync_seconds)

    def _checkpoint(self) -> None:
        with suppress(sqlite3.Error, OSError):  # it is tried again
            self._files.checkpoint()

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        self._running = running = self._thread.submit(work)
        done = asyncio.wrap_future(running)
        try:
            return await asyncio.shield(done)
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
        db = self._files.reader if self._busy else self._files.writer
        return self._files.connected() if db is None else db
