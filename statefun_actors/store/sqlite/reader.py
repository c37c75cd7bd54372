"""Readers of a SQLite store: checks and backups of the whole file, and the read-only store for tools."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from statefun_actors.store import (
    DamagedStateError,
    DamagedStoreError,
    StoreError,
    unpack,
)
from statefun_actors.store.sqlite import schema
from statefun_actors.store.sqlite.files import (
    connect_read_only,
    is_about_writing,
    make_private_file,
    put_in_place,
    store_error,
)
from statefun_actors.store.sqlite.log_marks import check_together, lock_to_replace, mark_copy
from statefun_actors.store.sqlite.queries import Queries
from statefun_actors.store.sqlite.selects import (
    LAST_SEQ,
    address_of,
)
from statefun_actors.system import make_folder, partial_name, real_path


class Reads(Queries):
    """All reads of a store, including those of the whole file."""

    def check(self) -> list[str]:
        """Check all of the store; return its faults, each in one line. Empty: it is sound."""
        return self.integrity_check() or self.damaged_entities()

    def integrity_check(self) -> list[str]:
        """Check the file; return its faults, most of them as SQLite reports them. Reads all of it.

        It does not check the packed states of entities: see :meth:`damaged_entities`.
        """
        try:
            with self._separate_connection() as db:
                found = [text for (text,) in db.execute("PRAGMA integrity_check").fetchall()]
                (next_seq,) = db.execute("SELECT next_seq FROM counter").fetchone()
                (last,) = db.execute(LAST_SEQ).fetchone()
                _read_texts(db)
        except sqlite3.DatabaseError as error:
            return [str(error)]
        if last >= next_seq:
            found.append(f"the next sequence number is {next_seq}, but {last} is taken")
        return [text for text in found if text != "ok"]

    def damaged_entities(self) -> list[str]:
        """Entities whose packed states can't be unpacked, each with the reason. Reads all of them.

        Raises:
            StoreError: the file itself is damaged.
        """
        found = []
        try:
            with self._separate_connection() as db:
                for typename, id, state in db.execute("SELECT type, id, state FROM entity"):
                    try:
                        unpack(address_of(typename, id), state, ())
                    except DamagedStateError as error:
                        found.append(f"{error.owner}: {error.reason}")
        except sqlite3.Error as error:
            raise store_error(self.path, error) from error
        return found

    def backup(self, target: Path | str, *, overwrite: bool = False) -> None:
        """Copy the store to *target*, all or nothing, while the engine continues.

        Raises:
            StoreError: *target* exists and *overwrite* isn't set, a store is in use there, or it can't be written; or
                the store itself can't be read, or is damaged: *target* is unchanged then.
        """
        target = Path(target)
        there = real_path(target)
        partial = partial_name(there)
        try:
            if target.exists() and (not overwrite or not target.is_file() or target.samefile(self.path)):
                allow = "" if overwrite else ", or allow to overwrite it: --overwrite, overwrite=True"
                raise StoreError(str(target), "it exists already", f"Choose another target for the backup{allow}.")
            make_folder(there.parent)
            with self._separate_connection() as db:
                self._copy(db, partial)
            if target.exists():
                with lock_to_replace(target):
                    put_in_place(partial, there)
            else:
                put_in_place(partial, there)
        except sqlite3.Error as error:
            raise store_error(target if is_about_writing(error) else self.path, error) from error
        except OSError as error:
            raise StoreError(str(target), f"the backup can't be written: {error}") from error
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)

    def _copy(self, db: sqlite3.Connection, target: Path, positions: Mapping[str, str] | None = None) -> None:
        """Copy the store, as *db* sees it, to the new file *target*, and set *positions* there.

        Raises:
            DamagedStoreError: the store is damaged.
            sqlite3.Error: it can't be read, or *target* can't be written.
        """
        make_private_file(target)
        wrong = _copy(db, target, positions or {})
        if wrong != "ok":
            raise DamagedStoreError(str(self.path), wrong)

    @contextmanager
    def _separate_connection(self) -> Generator[sqlite3.Connection]:
        """A separate connection for long reads, which may run in any thread."""
        db = connect_read_only(self.path)
        try:
            yield db
        finally:
            db.close()


def _read_texts(db: sqlite3.Connection) -> None:
    """Check that all texts are UTF-8, which SQLite does not.

    Raises:
        sqlite3.Error: a text is not UTF-8.
    """
    for table in ("position", "message", "timer", "egress", "dead_letter", "history"):
        for _ in db.execute(f"SELECT * FROM {table}"):
            pass
    for _ in db.execute("SELECT type, id FROM entity"):
        pass


class SqliteReader(Reads):
    """The store in the file *path*, read-only, with or without an engine on it. It takes no lock.

    Each read sees the last commit at its time; those that stream see it page by page, except within :meth:`snapshot`.
    Not for two threads at once, except :meth:`check` and :meth:`backup`, which may run in another thread.

    Args:
        path: the file.
        older: accept a store of an earlier version: it can be counted, checked and copied, but not read otherwise.

    Raises:
        StoreError: *path* is not a store of ours, or not of a version that can be read.
    """

    def __init__(self, path: Path | str, *, older: bool = False) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise StoreError(str(path), "the file does not exist", "`statefun-actors run` creates it.")
        self._db: sqlite3.Connection | None = None
        check_together(self.path)
        db = connect_read_only(self.path)
        try:
            version = schema.version(db, self.path, len(schema.STEPS))
            if not version:
                raise StoreError(str(path), "it is empty", "A run may be creating it: try again.")
            self.is_older = version < len(schema.STEPS)
            if self.is_older and not older:
                raise StoreError(
                    str(path),
                    f"it is of version {version}, this statefun-actors reads version {len(schema.STEPS)}",
                    "Start it once with `statefun-actors run`, which migrates it.",
                )
        except BaseException:
            db.close()
            raise
        self._db = db

    @contextmanager
    def snapshot(self) -> Generator[None]:
        """Within it, all reads see the same commit.

        Until it ends, the engine's log can't be truncated, and grows.
        """
        with self._standing_still():
            self._rows("SELECT next_seq FROM counter")  # SQLite takes the snapshot with the first read
            yield

    def copy(self, target: Path, positions: Mapping[str, str]) -> None:
        """Copy the store to the new file *target*, as of the present :meth:`snapshot`, and set *positions* there.

        Raises:
            StoreError: *target* can't be written; or the store can't be read, or is damaged.
        """
        try:
            self._copy(self._connection(), target, positions)
        except sqlite3.Error as error:
            raise store_error(target if is_about_writing(error) else self.path, error) from error

    def close(self) -> None:
        """Close the files. Safe to call twice."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            raise StoreError(str(self.path), "it is closed")
        return self._db


def _copy(db: sqlite3.Connection, target: Path, positions: Mapping[str, str]) -> str:
    """Copy the pages of *db* to *target*, and set *positions* there; return the fault of the copy, or ``ok``."""
    copy = sqlite3.connect(target, isolation_level=None)
    try:
        db.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # a backup is one file, without a log
        mark_copy(copy)
        copy.executemany("INSERT OR REPLACE INTO position VALUES (?, ?)", positions.items())
        (wrong,) = copy.execute("PRAGMA quick_check(1)").fetchone()  # takes half as long as the copy
        return " ".join(str(wrong).removeprefix("*** in database main ***").split())
    finally:
        copy.close()
