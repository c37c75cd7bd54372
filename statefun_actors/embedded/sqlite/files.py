"""Files around a SQLite store: the lock beside it, its folder, a connection that can't write, what went wrong."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final
from urllib.parse import quote

from statefun_actors.embedded.store import (
    CommitRefusedError,
    DamagedStoreError,
    StoreError,
    StoreInUseError,
    unstorable_text,
)
from statefun_actors.forks import keep_from_children, release
from statefun_actors.text import describe

try:
    import fcntl
except ImportError:  # Windows, where nothing locks yet
    fcntl = None  # type: ignore[assignment]

BUSY_SECONDS: Final = 10
"""How long to wait for one of SQLite's own locks, which nobody holds for more than a moment."""

_BRIEF_SECONDS: Final = 5.0
_BRIEFLY: Final = "briefly"
_DOOR: Final = "door "
_ENDING: Final = "ending"


class Lock:
    """One engine per store: a lock on ``<store>.lock``, held until :meth:`release` or the end of the process.

    The file says who holds it, and where its control door is. It stays, and stays meaningless without a holder: were it
    deleted, one process could lock the deleted file and another one the new file of that name.

    Args:
        store: the file that is locked.
        brief: it is let go at once, so who comes meanwhile waits rather than being refused.

    Raises:
        StoreInUseError: it is held already, in this process or in another one, which the error names.
        OSError: the file can't be made.
    """

    def __init__(self, store: Path, *, brief: bool = False) -> None:
        path = store.with_name(store.name + ".lock")
        self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        keep_from_children(self._file)
        try:
            self._acquire(store)
            since = f"process {os.getpid()}\nsince {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n"
            self._write(f"{since}{_BRIEFLY}\n" if brief else since)
        except BaseException:
            self.release()
            raise

    def tell_door(self, door: Path | None) -> None:
        """Say in the file where the holder's control door is; None = it is closed, and the holder will end soon."""
        told = [line for line in self._read().splitlines() if not line.startswith(_DOOR)]
        self._write("".join(f"{line}\n" for line in (*told, _ENDING if door is None else f"{_DOOR}{door}")))

    def _acquire(self, store: Path) -> None:
        end = time.monotonic() + _BRIEF_SECONDS
        while fcntl is not None and self._file is not None:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                told = self._read().splitlines()
                # A holder that has not written yet who it is may be a brief one, too.
                if (_BRIEFLY in told or not told) and time.monotonic() < end:
                    time.sleep(0.005)
                    continue
                doors = [line.removeprefix(_DOOR) for line in told if line.startswith(_DOOR)]
                holder = " ".join(line for line in told if line.startswith(("process ", "since ")))
                raise StoreInUseError(str(store), holder, doors[0] if doors else None, ending=_ENDING in told) from None
            return

    def _read(self) -> str:
        assert self._file is not None
        return os.pread(self._file, 4_096, 0).decode(errors="surrogateescape")

    def _write(self, text: str) -> None:
        assert self._file is not None
        data = text.encode(errors="surrogateescape")
        # Over what stands there, which stays if the disk is full.
        os.pwrite(self._file, data.ljust(os.fstat(self._file).st_size, b"\n"), 0)
        os.ftruncate(self._file, len(data))

    def release(self) -> None:
        if self._file is not None:
            release(self._file)
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


def put_in_place(file: Path, target: Path) -> None:
    """The database *file* becomes *target*, which nobody has open."""
    for log in ("-wal", "-shm"):  # of what was there before: SQLite would play it into the new file
        target.with_name(target.name + log).unlink(missing_ok=True)
    file.replace(target)
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
