"""Files around a SQLite store: the lock beside it, its folder, a connection that can't write, what went wrong."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final
from urllib.parse import quote

from statefun_actors.embedded.store import StoreError, unstorable_text

try:
    import fcntl
except ImportError:  # Windows, where nothing locks yet
    fcntl = None  # type: ignore[assignment]

BUSY_SECONDS: Final = 10
"""How long to wait for one of SQLite's own locks, which nobody holds for more than a moment."""


class Lock:
    """One engine per store: a lock on ``<store>.lock``, held until :meth:`release` or the end of the process.

    The file stays, and stays meaningless without a holder: were it deleted, one process could lock the deleted file
    and another one the new file of that name.

    Raises:
        StoreError: it is held already, in this process or in another one, which the error names.
        OSError: the file can't be made.
    """

    def __init__(self, store: Path) -> None:
        path = store.with_name(store.name + ".lock")
        self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        try:
            if fcntl is not None:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._file, 0)
            os.write(self._file, f"process {os.getpid()}\nsince {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n".encode())
        except BlockingIOError:
            holder = os.read(self._file, 200).decode("ascii", "replace").strip().replace("\n", " ")
            self.release()
            raise StoreError(str(store), f"it is in use by {holder or 'another process'}", "Stop it first.") from None
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


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
    """Make *path* and what is missing above it, so that it survives a power failure."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync_folder(folder.parent)


def sync_folder(path: Path) -> None:
    """Make durable which names the folder holds."""
    if os.name == "nt":
        return
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def store_error(path: Path, error: Exception) -> StoreError:
    """What the error of SQLite means for the store in *path*."""
    if isinstance(error, UnicodeEncodeError):
        return unstorable_text(str(path), error.object)
    if not isinstance(error, sqlite3.Error):
        return StoreError(str(path), str(error))
    code = getattr(error, "sqlite_errorname", "")
    for prefix, reason, instead in _MEANINGS:
        if code.startswith(prefix):
            return StoreError(str(path), reason.format(error=error), instead)
    return StoreError(str(path), f"{error} ({code})" if code else str(error))


_MEANINGS: Final = (
    ("SQLITE_FULL", "the disk is full", "Make room."),
    ("SQLITE_NOTADB", "the file is no SQLite database", "Choose another path."),
    ("SQLITE_CORRUPT", "it is damaged: {error}", "Go back to a backup."),
    ("SQLITE_READONLY", "it can't be written: {error}", "Look at the permissions of the file and of its folder."),
    ("SQLITE_CANTOPEN", "it can't be opened: {error}", "Look at the permissions of the file and of its folder."),
    ("SQLITE_BUSY", "another program holds a lock on it", "End what else writes to it, or try again."),
    ("SQLITE_IOERR", "the disk failed: {error} ({error.sqlite_errorname})", "Look at the disk and the system's log."),
)
