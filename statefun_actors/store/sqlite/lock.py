"""The lock file of a store: one engine at a time, and information for the next one."""

from __future__ import annotations

import os
import stat
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final

from statefun_actors.store import StoreInUseError
from statefun_actors.store.sqlite.files import with_suffix
from statefun_actors.system import keep_from_children, real_path, release

try:
    import fcntl
except ImportError:  # Windows has no locks here yet
    fcntl = None  # type: ignore[assignment]

_BRIEF_SECONDS: Final = 5.0
_BRIEFLY: Final = "briefly"
_CONTACT: Final = "door "
_ENDING: Final = "ending"
_LOG: Final = "log "
_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class Lock:
    """An exclusive lock on ``<store>.lock``, held until :meth:`release` or the end of the process.

    It is next to the file that *store* resolves to, so all symbolic links to a store share one lock. Only its owner can
    open it: a process that can open a file can lock it.

    The file names the holder and its control socket. It is never deleted, and means nothing without a holder: after a
    deletion, one process could lock the deleted file and another one a new file of that name. (ownership.py handles
    deletions by others.)

    Args:
        store: the file that is locked.
        brief: it will be released at once, so other processes wait for it.

    Raises:
        StoreInUseError: another holder, in this process or another one, has it; the error names it.
        OSError: the file can't be created.
    """

    def __init__(self, store: Path, *, brief: bool = False) -> None:
        self._path = with_suffix(real_path(store), ".lock")
        self._writing = threading.Lock()
        self._file: int | None = None
        try:
            self._acquire(store)
            log = log_of(store)
            self._holder = [
                f"process {os.getpid()}",
                f"since {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
                *([_BRIEFLY] if brief else ()),
            ]
            self._contact: list[str] = []
            self._log = [] if log is None else [_LOG + " ".join(log)]
            self._write()
        except BaseException:
            self.release()
            raise

    def announce(self, contact: str | None) -> None:
        """Write the holder's control socket to the file; None: it is closed, and the holder is shutting down."""
        self._contact = [_ENDING if contact is None else f"{_CONTACT}{contact}"]
        self._write()

    def tell_log(self, base: str | None, mark: str | None) -> None:
        """Write the marks of the store and its log to the file (log_marks.py)."""
        self._log = [f"{_LOG}{base} {mark}"]
        self._write()

    def _acquire(self, store: Path) -> None:
        end = time.monotonic() + _BRIEF_SECONDS
        while True:
            self._file = os.open(self._path, _FLAGS, 0o600)
            keep_from_children(self._file)
            if stat.S_IMODE(os.fstat(self._file).st_mode) & 0o077 and os.fstat(self._file).st_uid == os.geteuid():
                os.fchmod(self._file, 0o600)
            if fcntl is None:
                return
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                content = _lines(os.pread(self._file, 4_096, 0))
                # A holder that has not written its name yet may be a brief one, too.
                if (_BRIEFLY not in content and content) or time.monotonic() >= end:
                    holder = " ".join(line for line in content if line.startswith(("process ", "since ")))
                    ending = _ENDING in content
                    raise StoreInUseError(str(store), holder, _contact_in(content), ending=ending) from None
                self.release()
                time.sleep(0.005)
                continue
            if self._is_there(self._file):
                return
            self.release()

    def _is_there(self, file: int) -> bool:
        """Whether the locked file still has its name: it may have just been deleted."""
        try:
            return os.path.samestat(self._path.stat(), os.fstat(file))
        except FileNotFoundError:
            return False

    def _write(self) -> None:
        with self._writing:  # the store's thread writes marks, the event loop the control socket
            if self._file is None:
                return
            data = "".join(f"{line}\n" for line in (*self._holder, *self._contact, *self._log)).encode(
                errors="surrogateescape"
            )
            # Overwrite in place: if the disk is full, the old content stays.
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


def log_of(store: Path) -> tuple[str, str] | None:
    """The mark of the file and the mark of the log in the lock file of *store*; None if it has none."""
    try:
        lines = _lines(with_suffix(real_path(store), ".lock").read_bytes())
    except OSError:
        return None
    for line in lines:
        if line.startswith(_LOG) and len(marks := line.removeprefix(_LOG).split()) == 2:
            return marks[0], marks[1]
    return None


def _lines(data: bytes) -> list[str]:
    # Not splitlines(): the path of a socket may contain other line separators.
    return [line for line in data.decode(errors="surrogateescape").split("\n") if line]


def contact_of(store: Path) -> str | None:
    """The control socket of the last engine on *store*, unless that engine was shutting down."""
    try:
        return _contact_in(_lines(with_suffix(real_path(store), ".lock").read_bytes()))
    except OSError:
        return None


def _contact_in(lines: list[str]) -> str | None:
    return next((line.removeprefix(_CONTACT) for line in lines if line.startswith(_CONTACT)), None)
