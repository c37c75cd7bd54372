"""The open files of a store to write: checks that they are still its own, and opens them again if necessary.

Whatever other programs do to the files of a running engine, a commit is not acknowledged before this has checked them.
A log that was deleted is still open: it is saved to the file, and all is closed and opened again. If that fails, since
the folder is out of reach for a moment or no descriptor is left, the next commit or read tries it again. If the file or
the content of the log is another one, nothing is touched any more: the log stays as it is, also at the end.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from statefun_actors.own_logger import own_logger
from statefun_actors.store import StoreError, StoreMismatchError, StoreTakenError
from statefun_actors.store.sqlite import epoch_view, log_marks, schema
from statefun_actors.store.sqlite.connecting import connect_to_write, prepare_to_write
from statefun_actors.store.sqlite.files import connect_read_only, out_of_reach, store_error
from statefun_actors.store.sqlite.in_place import InPlace, Seen
from statefun_actors.store.sqlite.lock import Lock
from statefun_actors.store.sqlite.ownership import Ownership, owner_of
from statefun_actors.system import real_path

logger: Final = own_logger("statefun_actors.engine")

_READER_CACHE_KIB: Final = 4_096
_DESCRIPTORS: Final = 10
"""Descriptors that opening all files takes at most."""


class OpenFiles:
    """The two connections of a store, None while they are closed.

    Args:
        path: its file.
        steps: migrations from each version of the tables to the next.
        log_pages: SQLite runs a checkpoint by itself when the log has this number of pages.
        brief: they will be closed at once.
    """

    def __init__(self, path: Path, steps: Sequence[schema.Step], log_pages: int, *, brief: bool) -> None:
        self._path, self._steps, self._log_pages, self._brief = path, steps, log_pages, brief
        self._file = real_path(path)
        self.reader: sqlite3.Connection | None = None
        self.writer: sqlite3.Connection | None = None
        self.next_seq = 0
        """The counter as this process has last written it: less is found only in an older state."""
        self.ownership = Ownership(self._file)
        self._lock: Lock | None = None
        self._in_place: InPlace | None = None
        self._home: tuple[str | None, ...] = ()
        """The marks of the file when it was closed to be opened again."""
        self._lost_log = ""
        """What happened to the log that was saved."""
        self._keeps_log = False
        """Whether to keep the log, since the files are no longer known to belong together."""
        self._closed = False

    def read_first(self) -> None:
        """Check the version of an existing file, which must not be changed if it isn't ours."""
        self.reader = connect_read_only(self._path)
        schema.version(self.reader, self._path, len(self._steps))

    def open(self, lock: Lock) -> None:
        """Open all files of an existing store, of which *lock* is held.

        Raises:
            StoreError, sqlite3.Error, OSError: that failed.
        """
        self._lock = lock
        self._connect()

    def connected(self) -> sqlite3.Connection:
        """The connection to write, opened again if that has failed before.

        Raises:
            StoreError: it fails again, or the store is closed.
        """
        if self.writer is None:
            if self._closed:
                raise StoreError(str(self._path), "it is closed")
            with self._errors():
                self._check_descriptors()
                self._open_again()
        assert self.writer is not None
        return self.writer

    def undisturbed(self) -> bool:
        """Whether nothing has changed since the last check."""
        return self.writer is not None and self._in_place is not None and self._in_place.undisturbed()

    def wrote(self) -> None:
        """A commit has been written."""
        if self._in_place is not None:
            self._in_place.wrote()

    def check(self) -> None:
        """Handle files that have changed since they were last checked.

        Raises:
            StoreError: the store's file no longer exists, or the files can't be checked or opened.
            StoreMismatchError: another file was copied over one of them. No retry helps.
        """
        db = self.connected()
        with self._errors():
            in_place, seen = self._checked(db)
            if not self._lost_log:
                in_place.accept(seen)
                return
            self._home = log_marks.of(db)
            self._disconnect()
            self._open_again()

    def checkpoint(self) -> None:
        """Run a checkpoint; if all of the log is in the file, mark the new log.

        Raises:
            sqlite3.Error, OSError: it failed; it can be tried again.
        """
        db = self.writer
        if db is None or not log_marks.is_of_log(self._file, log_marks.of(db), len(self._steps)):
            return  # the next commit raises the error
        if (self._in_place is not None and self._in_place.cut()) or not log_marks.bring_home(db):
            return
        marks = log_marks.renew(db, self.ownership.owner)
        if marks is not None and self._lock is not None:
            with suppress(OSError):  # disk full: then a deleted log is not detected
                self._lock.tell_log(*marks)

    def close(self) -> None:
        """Close all, and let SQLite move the log to the file, if it is still the same. Safe to call twice.

        Raises:
            StoreError: it is not, or that can't be checked: the log was kept, and nothing was changed.
        """
        self._closed = True
        try:
            if self.writer is not None and self._in_place is not None and not self._keeps_log:
                self._check_at_end(self.writer)
        finally:
            self._disconnect()
            self.ownership.end()

    def _check_at_end(self, db: sqlite3.Connection) -> None:
        try:
            with self._errors():
                self._checked(db)
        except StoreError:
            self._keeps_log = True
            raise

    def _checked(self, db: sqlite3.Connection) -> tuple[InPlace, Seen]:
        """Check that the file is our own, and save a log that was deleted to it. It is still open.

        Raises:
            StoreError: something is wrong, or can't be checked.
        """
        in_place = self._in_place
        assert in_place is not None
        self._check_descriptors()
        seen = in_place.see()  # before the checks: later changes are found by the next one
        self._check_name(in_place, seen)
        self._check_marks(log_marks.of(db))
        self._lost_log = ""
        if in_place.cut() and not self._emptied_by_checkpoint(in_place, db):
            self._lost_log = "truncated"
        if not in_place.has_log(seen):
            self._lost_log = "deleted"
            if not log_marks.bring_home(db):
                raise StoreError(
                    str(self._path), "its log was deleted, and another program reads it", "Stop that program."
                )
        return in_place, seen

    def _check_descriptors(self) -> None:
        """Raises OSError: the folder can't be read, or too few descriptors are left to open all files."""
        os.scandir(self._file.parent).close()
        with ExitStack() as opened:
            for _ in range(_DESCRIPTORS):
                opened.callback(os.close, os.open(os.devnull, os.O_RDONLY))

    def _check_name(self, in_place: InPlace, seen: Seen) -> None:
        if not in_place.has_file(seen):
            # A deleted file could still be written, but its content would be lost.
            raise StoreError(str(self._path), "its file was deleted, moved or replaced", "Put it back.")

    def _check_marks(self, marks: Sequence[str | None]) -> None:
        if not log_marks.is_of_log(self._file, marks, len(self._steps)):
            raise self._foreign(
                "its file was overwritten while an engine ran on it, which ends; the messages acknowledged since it "
                "was last written are in its log"
            )

    def older(self) -> StoreMismatchError:
        """The error for files that contain an older state than this process has written."""
        return self._foreign(
            "its files were overwritten by an older state while an engine ran on them, which ends; messages "
            "acknowledged since that state are lost"
        )

    def _foreign(self, reason: str) -> StoreMismatchError:
        self._keeps_log = True
        return StoreMismatchError(
            str(self._path),
            reason,
            "Stop the engine before a file is copied; to restore a backup, use `statefun-actors restore`.",
        )

    def _emptied_by_checkpoint(self, in_place: InPlace, db: sqlite3.Connection) -> bool:
        """Whether SQLite has truncated the log, for another program. If not, all of it was in the file already."""
        try:
            # If a part of it was left, a checkpoint would move only that part to the file.
            if not in_place.log_size() and log_marks.bring_home(db):
                return log_marks.is_empty(db)
        except sqlite3.OperationalError:  # it can't be read any more
            pass
        raise self._foreign(
            "its log was truncated or overwritten while an engine ran on it, which ends; messages acknowledged since "
            "its file was last written can be lost"
        )

    def _open_again(self) -> None:
        assert self._in_place is not None
        self._check_name(self._in_place, self._in_place.see())
        self._check_marks(self._home)
        log_marks.check_together(self._path, len(self._steps))
        self._connect(again=True)
        logger.warning(
            "store %s: its log was %s; nothing is lost, and a new log was created", self._path, self._lost_log
        )

    def _connect(self, *, again: bool = False) -> None:
        try:
            self.writer = db = connect_to_write(self._path)
            prepare_to_write(db, self._path, self._steps, self._log_pages)
            if again and (owner := owner_of(db)) is not None and owner.id != self.ownership.owner.id:
                raise StoreTakenError(str(self._path), str(owner))
            all_home = log_marks.bring_home(db)
            self.ownership.take(db, self._path)  # fails if nothing can be written
            if all_home and not self._brief:
                log_marks.renew(db, self.ownership.owner)  # the file itself now gets a mark that no copy of it has
                self.checkpoint()
            db.execute("PRAGMA synchronous = FULL")
            epoch_view.prepare(db)
            if self.reader is None:
                self.reader = connect_read_only(self._path)
            self.reader.execute(f"PRAGMA cache_size = -{_READER_CACHE_KIB}")
            ((next_seq,),) = self.reader.execute("SELECT next_seq FROM counter").fetchall()  # opens the log, too
            if not again:
                self.next_seq = next_seq
            self._in_place = InPlace(self._file)
        except BaseException:
            if self.writer is not None:
                with suppress(sqlite3.Error):
                    self._home = log_marks.of(self.writer)
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        if self._in_place is not None:
            self._in_place.close()
        connections = [self.reader, self.writer]
        if self._keeps_log:  # SQLite checkpoints and deletes the log when the last write connection is closed
            connections.reverse()
        for db in connections:
            if db is not None:
                db.close()
        self.reader = self.writer = None

    @contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise store_error(self._path, error) from error
        except OSError as error:
            raise out_of_reach(self._path, error) from error
