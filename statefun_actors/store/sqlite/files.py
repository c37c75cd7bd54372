"""Files of a SQLite store: permissions, read-only connections, and errors as StoreErrors."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

from statefun_actors.own_logger import own_logger
from statefun_actors.store import CommitRefusedError, DamagedStoreError, StoreError, unstorable_text
from statefun_actors.system import sync_folder
from statefun_actors.text import describe

logger: Final = own_logger("statefun_actors.engine")

BUSY_SECONDS: Final = 10
"""Seconds to wait for a lock of SQLite itself, which is held only briefly."""

LOG_SUFFIXES: Final = ("-wal", "-shm")
"""Suffixes of SQLite's log and of the log's index."""
_OF_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def check_regular(path: Path) -> None:
    """Check that *path* is a regular file, or that nothing is there. It is not opened: that could block.

    Raises:
        StoreError: it is a folder, a device, a pipe or a socket, which must not be changed or replaced.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise unopened(path, error) from error
    if stat.S_ISDIR(mode):
        raise StoreError(str(path), "it is a folder", "Name a file in it.")
    if not stat.S_ISREG(mode):
        raise StoreError(str(path), "it is no regular file", "Choose another path.")


def connect_read_only(path: Path) -> sqlite3.Connection:
    """A read-only connection.

    Raises:
        StoreError: the file does not exist, or can't be read.
    """
    check_regular(path)
    try:
        return connect(path, "ro")
    except sqlite3.Error as error:
        raise store_error(path, error) from error


def connect(path: Path, mode: Literal["ro", "rw"]) -> sqlite3.Connection:
    """A connection to the existing file *path*, for any thread.

    Raises:
        sqlite3.Error: it can't be opened.
    """
    uri = f"file:{quote(os.fsencode(path.absolute()))}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)


def make_private_file(path: Path) -> None:
    """Create an empty file *path*, which only its owner may read or write, if it does not exist."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))


def keep_private(store: Path) -> None:
    """Revoke the access of other users to the files of *store*, or warn about it."""
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
    """The file next to *store* with the same name plus *suffix*."""
    return store.with_name(store.name + suffix)


def put_in_place(file: Path, target: Path) -> None:
    """Replace *target*, which must not be open, by the database *file*.

    The log of the old file is deleted last: after a kill before that, the next start detects that the two don't belong
    together. Without its log, the old file would look complete.
    """
    file.replace(target)
    sync_folder(target.parent)
    for suffix in LOG_SUFFIXES:
        with_suffix(target, suffix).unlink(missing_ok=True)
    sync_folder(target.parent)


def store_error(path: Path, error: Exception) -> StoreError:
    """The StoreError for an error of SQLite."""
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
    """The StoreError for the *error* of a commit: it says whether the same commit can ever succeed."""
    if isinstance(error, UnicodeEncodeError):
        return unstorable_text(str(path), error.object)
    if isinstance(error, sqlite3.DataError | sqlite3.IntegrityError | sqlite3.InterfaceError):
        return CommitRefusedError(str(path), _with_code(error))
    return (
        store_error(path, error) if isinstance(error, sqlite3.Error) else CommitRefusedError(str(path), describe(error))
    )


def unopened(path: Path, error: OSError) -> StoreError:
    """The StoreError for an *error* on opening the store in *path*."""
    instead = "Choose another path."
    if error.errno in {errno.ENOSPC, getattr(errno, "EDQUOT", None)}:
        instead = "Free disk space, or choose another path."
    elif error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        instead = "Check the permissions of its folder, or choose another path."
    return StoreError(str(path), f"it can't be opened: {_why(path, error)}", instead)


def out_of_reach(path: Path, error: OSError) -> StoreError:
    """The StoreError for an *error* on a look at the files of the store in *path*, which was opened before."""
    why, instead = _why(path, error), ""
    if error.errno == errno.ENOENT:
        instead = "Put its files back."
    elif error.errno in {errno.EMFILE, errno.ENFILE}:  # of whatever file
        why, instead = os.strerror(error.errno), "Raise the limit of open files (`ulimit -n`)."
    elif error.errno in {errno.EACCES, errno.EPERM}:
        instead = "Check the permissions of its folder."
    return StoreError(str(path), f"its files can't be checked: {why}", instead)


def _why(path: Path, error: OSError) -> str:
    why = error.strerror or str(error)
    if error.filename is None or Path(error.filename) == path:
        return why
    return f"{why}: {os.fsdecode(error.filename)}"


def is_about_writing(error: sqlite3.Error) -> bool:
    """Whether *error*, of a copy from one file to another, concerns the target."""
    return getattr(error, "sqlite_errorname", "").startswith(_OF_WRITING)


_OF_WRITING: Final = (
    "SQLITE_FULL",
    "SQLITE_READONLY",
    "SQLITE_CANTOPEN",
    *(f"SQLITE_IOERR_{what}" for what in ("WRITE", "FSYNC", "DIR_FSYNC", "TRUNCATE", "DELETE", "CLOSE")),
)
_NO_TEXT: Final = "Could not decode to UTF-8"
"""The prefix of Python's own error, without a code of SQLite, for a text that is not UTF-8."""
_MEANINGS: Final = (
    ("SQLITE_FULL", "the disk is full", "Free disk space."),
    ("SQLITE_NOTADB", "the file is not a SQLite database", "Choose another path."),
    (
        ("SQLITE_READONLY_DIRECTORY", "SQLITE_READONLY_CANTINIT"),
        "its folder can't be written, and SQLite keeps a log there, even to read",
        "Check the permissions of the folder; or copy the file, and use the copy.",
    ),
    ("SQLITE_READONLY", "it can't be written: {error}", "Check the permissions of the file and of its folder."),
    ("SQLITE_CANTOPEN", "it can't be opened: {error}", "Check the permissions of the file and of its folder."),
    ("SQLITE_BUSY", "another program holds a lock on it", "Stop other programs that write to it, or try again."),
    ("SQLITE_IOERR", "the disk failed: {error} ({error.sqlite_errorname})", "Check the disk and the system's log."),
)
