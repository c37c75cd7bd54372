"""Marks that tell whether a log belongs to its file, or was left next to another file.

SQLite applies whatever log is next to a file. After a kill, a log stays there with commits that are not in the file
yet. If a backup is then copied over the file, SQLite mixes the two: the backup is undone, or damaged.

So the table ``counter`` has two random marks. ``log_mark`` is renewed in the log, in a transaction of its own, after
each complete checkpoint; ``log_base`` is the one before. So the file without its log has a mark that is, in the last
commit of its own log, either ``log_base`` (no checkpoint since) or ``log_mark`` (a partial or full one). This holds
after a crash at any moment. A file with any other mark was put there by someone else. A start renews them twice, so
that an earlier copy of the file has another mark, too; ``backup`` gives its copy a mark of its own.

The lock file repeats the pair after it is durable. That detects a deleted log: the file still has ``log_base``.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import attrs

from statefun_actors.store import StoreError, StoreInUseError, StoreMismatchError
from statefun_actors.store.sqlite import schema
from statefun_actors.store.sqlite.files import check_regular, connect_read_only, store_error, with_suffix
from statefun_actors.store.sqlite.lock import Lock, log_of
from statefun_actors.store.sqlite.ownership import Owner, owner_of, stored
from statefun_actors.system import real_path

_LOOKS: Final = 3
_PAUSE: Final = 0.02
"""Seconds between two checks of a store that another process may be writing."""
_UNREADABLE: Final = "unreadable"


def bring_home(db: sqlite3.Connection) -> bool:
    """Run a checkpoint; return whether all of the log is in the file now. A reader may prevent that."""
    busy, in_log, home = _checkpoint(db)
    return not busy and in_log == home


def is_empty(db: sqlite3.Connection) -> bool:
    """Run a checkpoint; return whether the log has no commits, not even those that are in the file now."""
    return _checkpoint(db)[1] == 0


def _checkpoint(db: sqlite3.Connection) -> tuple[int, int, int]:
    ((busy, in_log, home),) = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    return busy, in_log, home


def renew(db: sqlite3.Connection, owner: Owner) -> tuple[str | None, str | None] | None:
    """Give a log that is fully in the file a new mark; return the mark of the file and that of the log.

    None, and nothing is written, if *owner* no longer owns the store.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        changed = db.execute(
            "UPDATE counter SET log_base = log_mark, log_mark = ? WHERE EXISTS (SELECT 1 FROM owner WHERE id = ?)",
            (secrets.token_hex(8), owner.id),
        ).rowcount
        if not changed:
            return None
        ((version,),) = db.execute("PRAGMA user_version").fetchall()
        # The version is on the file's first page, as the position of all tables: so it is in the log.
        db.execute(f"PRAGMA user_version = {version}")
        marks = of(db)
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")
    return marks


def mark_copy(db: sqlite3.Connection) -> None:
    """Make the store of *db*, a copy, independent: no log of the original belongs to it."""
    if db.execute("SELECT 1 FROM pragma_table_info('counter') WHERE name = 'log_mark'").fetchone():
        db.execute("UPDATE counter SET log_base = NULL, log_mark = ?", (secrets.token_hex(8),))
        db.execute("DELETE FROM owner")


def check_together(store: Path, newest: int = len(schema.STEPS)) -> None:
    """Check that the file, its log and its lock file belong together. Changes nothing.

    Args:
        store: the file, or a link to it.
        newest: the latest readable version.

    Raises:
        StoreMismatchError: they don't belong together.
        StoreError: the file is not a store of ours, or can't be read.
    """
    wrong = _mismatch(store, newest)
    for _ in range(_LOOKS - 1):
        if wrong is None:
            return
        time.sleep(_PAUSE)  # an engine may have changed them between two reads
        wrong = _mismatch(store, newest)
    if wrong is not None:
        raise wrong


@contextmanager
def lock_to_replace(store: Path) -> Generator[None]:
    """Keep engines from running on *store*, so that its file can be replaced.

    Raises:
        StoreInUseError: an engine runs on it, with or without a lock file; or a command uses it.
        StoreError: it is no regular file.
    """
    check_regular(store)
    with Lock(store):
        if (owner := _owner_by_file(store)) is not None and owner.runs_on(store):
            raise StoreInUseError(str(store), f"process {owner.process} since {owner.since}")
        yield


def _owner_by_file(store: Path) -> Owner | None:
    """The owner of *store* according to its file without its log; None if there is none."""
    file = real_path(store)
    try:
        return _File.read(file, store, len(schema.STEPS)).owner if _size(file) else None
    except StoreError:  # another application's, or of a newer version
        return None


def of(db: sqlite3.Connection) -> tuple[str | None, str | None]:
    """The mark of the file and the mark of the log, as *db* sees them."""
    ((base, mark),) = db.execute("SELECT log_base, log_mark FROM counter").fetchall()
    return base, mark


def is_of_log(store: Path, marks: Sequence[str | None], newest: int) -> bool:
    """Whether the file of *store* is the one of the log with *marks*."""
    try:
        home = _File.read(store, store, newest)
    except StoreError:  # another application's, or of a newer version
        return False
    return home.mark == _UNREADABLE or home.mark in marks


def _mismatch(store: Path, newest: int) -> StoreError | None:
    file = real_path(store)
    log = with_suffix(file, "-wal")
    log_size = _size(log)  # before the file: a clean end completes the file, then deletes the log
    if file.is_dir():
        return None  # reported when it is opened
    if not _size(file):
        return _no_file(store, log) if log_size else None
    home = _File.read(file, store, newest)
    if (other := _other_name(file, home)) is not None:
        return StoreMismatchError(str(store), *other)
    if not log_size:
        return _no_log(store, file, home)
    try:
        marks = _marks_in_log(file)
    except sqlite3.Error as error:
        if home.mark == _UNREADABLE or not _is_about_content(error):
            return store_error(store, error)
        marks = ()
    if home.mark == _UNREADABLE or home.mark in marks:
        return None
    return StoreMismatchError(
        str(store),
        f"its log {log} does not belong to it, but to another file that was in its place; nothing was changed",
        "To restore a backup, use `statefun-actors restore`; to keep the file without the changes in the log, "
        "delete the log.",
    )


def _no_file(store: Path, log: Path) -> StoreError:
    return StoreMismatchError(
        str(store),
        f"its file is missing or empty, but its log {log} exists; nothing was changed",
        "Put the file back, or use `statefun-actors restore`; to start with an empty store, delete the log.",
    )


def _no_log(store: Path, file: Path, home: _File) -> StoreError | None:
    """The file has no log, as after a clean end."""
    places = [file]
    if home.owner is not None and home.owner.path != stored(file):
        places.append(Path(home.owner.path))  # it was moved or copied from there
    for place in places:
        marks = log_of(place)
        if marks is not None and home.mark == marks[0]:
            return StoreMismatchError(
                str(store),
                f"its log {with_suffix(place, '-wal')} is missing, with messages that were acknowledged"
                if place is file
                else f"it was moved or copied from {place} without its log {with_suffix(place, '-wal')}",
                f"Put the log back as {with_suffix(file, '-wal')}, or use `statefun-actors restore`; to continue "
                f"without it, delete {with_suffix(place, '.lock')}.",
            )
    return None


def _other_name(file: Path, home: _File) -> tuple[str, str] | None:
    """Why a file can't be used by this one of its names: SQLite keeps a log for each name."""
    names = file.stat().st_nlink
    if names == 1 or (home.owner is not None and home.owner.path == stored(file)):
        return None
    reason = f"the file has {names} names (hard links), and its log belongs to only one of them"
    if home.owner is not None:
        used = Path(home.owner.path)
        if used.exists() and used.samefile(file):
            return reason, f"Use the name {used}."
    return reason, "Delete all names but one; a copy is made with `statefun-actors backup`."


@attrs.frozen
class _File:
    """The content of a file without its log."""

    mark: str | None
    """None for a file that is new, or of a version without marks."""
    owner: Owner | None

    @classmethod
    def read(cls, file: Path, store: Path, newest: int) -> _File:
        """Raises StoreError for a file that is not a store of ours, or of a version above *newest*."""
        uri = f"file:{quote(os.fsencode(file.absolute()))}?immutable=1"  # this ignores the log
        try:
            db = sqlite3.connect(uri, uri=True, isolation_level=None)
            try:
                if schema.version(db, store, newest) < schema.WITH_MARKS:
                    return cls(None, None)
                return cls(db.execute("SELECT log_mark FROM counter").fetchone()[0], owner_of(db))
            finally:
                db.close()
        except (sqlite3.Error, TypeError):  # possible after a crash during a checkpoint
            return cls(_UNREADABLE, None)
        except StoreError as error:
            if isinstance(error.__cause__, sqlite3.Error):
                return cls(_UNREADABLE, None)
            raise


def _marks_in_log(file: Path) -> tuple[str | None, ...]:
    """The two possible marks of the file, from the last commit in the log."""
    db = connect_read_only(file)
    try:
        if db.execute("PRAGMA user_version").fetchone()[0] < schema.WITH_MARKS:
            return (None,)
        return db.execute("SELECT log_base, log_mark FROM counter").fetchone() or ()
    finally:
        db.close()


def _is_about_content(error: sqlite3.Error) -> bool:
    """Whether *error* concerns the content of the files, rather than access to them."""
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_ERROR", "SQLITE_NOTADB"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
