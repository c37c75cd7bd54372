"""Files of a SQLite store: its folder, who may read them, a connection that can't write, what went wrong."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import stat
from pathlib import Path
from typing import Final
from urllib.parse import quote

from statefun_actors.store import CommitRefusedError, DamagedStoreError, StoreError, unstorable_text
from statefun_actors.text import describe

logger: Final = logging.getLogger("statefun_actors.engine")

BUSY_SECONDS: Final = 10
"""How long to wait for one of SQLite's own locks, which nobody holds for more than a moment."""

LOG_SUFFIXES: Final = ("-wal", "-shm")
"""What SQLite adds to a file's name for its log and for the index of that."""
_OF_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def connect_read_only(path: Path) -> sqlite3.Connection:
    """A connection that leaves the file as it is.

    Raises:
        StoreError: there is no such file, or it can't be read.
    """
    if path.is_dir():
        raise StoreError(str(path), "it is a folder", "Name a file in it.")
    uri = f"file:{quote(os.fsencode(path.absolute()))}?mode=ro"
    try:
        return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)
    except sqlite3.Error as error:
        raise store_error(path, error) from error


def make_folder(path: Path) -> None:
    """Make *path* and what is missing above it, for its owner alone, so that it survives a power failure."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)
    path.mkdir(exist_ok=True)  # raises where a file has that name


def make_private_file(path: Path) -> None:
    """Make an empty file *path*, which only its owner may read or write, where there is none."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))


def keep_private(store: Path) -> None:
    """Take the files of *store* from the reach of other users, or say that they are in it."""
    for path in (store, *(with_suffix(store, suffix) for suffix in LOG_SUFFIXES)):
        try:
            mode = path.stat().st_mode
            if mode & _OF_OTHERS:
                path.chmod(stat.S_IMODE(mode) & ~_OF_OTHERS)
        except FileNotFoundError:
            pass
        except OSError as error:
            logger.warning("other users have access to %s, and its mode can't be changed: %s", path, error.strerror)


def with_suffix(store: Path, suffix: str) -> Path:
    """The file that lies beside *store* under the same name with *suffix* added."""
    return store.with_name(store.name + suffix)


def sync_folder(path: Path) -> None:
    """Make durable which names the folder holds."""
    if os.name == "nt":
        return
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def put_in_place(file: Path, target: Path) -> None:
    """The database *file* becomes *target*, which nobody has open.

    The log of what was there before goes last: were this killed before that, the two don't belong together, which the
    next start notices. Without its log, the old file would seem whole.
    """
    file.replace(target)
    sync_folder(target.parent)
    for suffix in LOG_SUFFIXES:
        with_suffix(target, suffix).unlink(missing_ok=True)
    sync_folder(target.parent)


def store_error(path: Path, error: Exception) -> StoreError:
    """What the error of SQLite means for the store in *path*."""
    if not isinstance(error, sqlite3.Error):
        return StoreError(str(path), describe(error))
    code = getattr(error, "sqlite_errorname", "")
    if code.startswith("SQLITE_CORRUPT") or str(error).startswith(_NO_TEXT):
        return DamagedStoreError(str(path), str(error))
    for prefix, reason, instead in _MEANINGS:
        if code.startswith(prefix):
            return StoreError(str(path), reason.format(error=error), instead)
    return StoreError(str(path), _with_code(error))


def _with_code(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorname", "")
    return f"{error} ({code})" if code else str(error)


def commit_error(path: Path, error: Exception) -> StoreError:
    """What *error*, of a commit, means for the store in *path*: whether the same commit can ever succeed."""
    if isinstance(error, UnicodeEncodeError):
        return unstorable_text(str(path), error.object)
    if isinstance(error, sqlite3.DataError | sqlite3.IntegrityError | sqlite3.InterfaceError):
        return CommitRefusedError(str(path), _with_code(error))
    return (
        store_error(path, error) if isinstance(error, sqlite3.Error) else CommitRefusedError(str(path), describe(error))
    )


def unopened(path: Path, error: OSError) -> StoreError:
    """What it means for the store in *path* that *error* came of opening it."""
    why = error.strerror or str(error)
    where = "" if error.filename is None or Path(error.filename) == path else f": {os.fsdecode(error.filename)}"
    instead = "Choose another path."
    if error.errno in {errno.ENOSPC, getattr(errno, "EDQUOT", None)}:
        instead = "Make room, or choose another path."
    elif error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        instead = "Look at the permissions of its folder, or choose another path."
    return StoreError(str(path), f"it can't be opened: {why}{where}", instead)


def is_about_writing(error: sqlite3.Error) -> bool:
    """Whether *error*, of a copy from one file to another, is about the one that is written."""
    return getattr(error, "sqlite_errorname", "").startswith(_OF_WRITING)


_OF_WRITING: Final = (
    "SQLITE_FULL",
    "SQLITE_READONLY",
    "SQLITE_CANTOPEN",
    *(f"SQLITE_IOERR_{what}" for what in ("WRITE", "FSYNC", "DIR_FSYNC", "TRUNCATE", "DELETE", "CLOSE")),
)
_NO_TEXT: Final = "Could not decode to UTF-8"
"""How Python's own error begins, which has no code of SQLite: bytes of a text that are none."""
_MEANINGS: Final = (
    ("SQLITE_FULL", "the disk is full", "Make room."),
    ("SQLITE_NOTADB", "the file is no SQLite database", "Choose another path."),
    (
        ("SQLITE_READONLY_DIRECTORY", "SQLITE_READONLY_CANTINIT"),
        "its folder can't be written, and SQLite keeps a log there, even to read",
        "Look at the permissions of the folder; or copy the file, and work on that.",
    ),
    ("SQLITE_READONLY", "it can't be written: {error}", "Look at the permissions of the file and of its folder."),
    ("SQLITE_CANTOPEN", "it can't be opened: {error}", "Look at the permissions of the file and of its folder."),
    ("SQLITE_BUSY", "another program holds a lock on it", "End what else writes to it, or try again."),
    ("SQLITE_IOERR", "the disk failed: {error} ({error.sqlite_errorname})", "Look at the disk and the system's log."),
)
