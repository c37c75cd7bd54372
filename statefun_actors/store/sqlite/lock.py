"""The lock file beside a store: one engine at a time, and what the next one must know of the last."""

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
from statefun_actors.system import keep_from_children, release

try:
    import fcntl
except ImportError:  # Windows, where nothing locks yet
    fcntl = None  # type: ignore[assignment]

_BRIEF_SECONDS: Final = 5.0
_BRIEFLY: Final = "briefly"
_DOOR: Final = "door "
_ENDING: Final = "ending"
_LOG: Final = "log "
_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class Lock:
    """One engine per store: a lock on ``<store>.lock``, held until :meth:`release` or the end of the process.

    It lies beside the file that *store* leads to, so all symbolic links to a store share one lock. Only its owner can
    open it: whoever can open a file can hold a lock on it.

    The file says who holds it, and where its control door is. It stays, and stays meaningless without a holder: were it
    deleted, one process could lock the deleted file and another one the new file of that name. (For the case that
    somebody deletes it all the same, see ownership.py.)

    Args:
        store: the file that is locked.
        brief: it is let go at once, so who comes meanwhile waits rather than being refused.

    Raises:
        StoreInUseError: it is held already, in this process or in another one, which the error names.
        OSError: the file can't be made.
    """

    def __init__(self, store: Path, *, brief: bool = False) -> None:
        self._path = with_suffix(store.resolve(), ".lock")
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
            self._door: list[str] = []
            self._log = [] if log is None else [_LOG + " ".join(log)]
            self._write()
        except BaseException:
            self.release()
            raise

    def tell_door(self, door: Path | None) -> None:
        """Say in the file where the holder's control door is; None = it is closed, and the holder will end soon."""
        self._door = [_ENDING if door is None else f"{_DOOR}{door}"]
        self._write()

    def tell_log(self, base: str, mark: str) -> None:
        """Say in the file that a store with the mark *base* has a log with the mark *mark* (log_marks.py)."""
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
                told = _lines(os.pread(self._file, 4_096, 0))
                # A holder that has not written yet who it is may be a brief one, too.
                if (_BRIEFLY not in told and told) or time.monotonic() >= end:
                    doors = [line.removeprefix(_DOOR) for line in told if line.startswith(_DOOR)]
                    holder = " ".join(line for line in told if line.startswith(("process ", "since ")))
                    ending = _ENDING in told
                    raise StoreInUseError(str(store), holder, doors[0] if doors else None, ending=ending) from None
                self.release()
                time.sleep(0.005)
                continue
            if self._is_there(self._file):
                return
            self.release()

    def _is_there(self, file: int) -> bool:
        """Whether the file that is locked is the one of that name: it may have been deleted just before."""
        try:
            return os.path.samestat(self._path.stat(), os.fstat(file))
        except FileNotFoundError:
            return False

    def _write(self) -> None:
        with self._writing:  # the store's thread tells of logs, the event loop's of doors
            if self._file is None:
                return
            data = "".join(f"{line}\n" for line in (*self._holder, *self._door, *self._log)).encode(
                errors="surrogateescape"
            )
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


def log_of(store: Path) -> tuple[str, str] | None:
    """What the lock file of *store* says of its log: the mark of the file, the mark of the log; None if nothing."""
    try:
        lines = _lines(with_suffix(store.resolve(), ".lock").read_bytes())
    except OSError:
        return None
    for line in lines:
        if line.startswith(_LOG) and len(marks := line.removeprefix(_LOG).split()) == 2:
            return marks[0], marks[1]
    return None


def _lines(data: bytes) -> list[str]:
    return data.decode(errors="surrogateescape").splitlines()


def doors_of(store: Path) -> list[str]:
    """The control door that the last engine on *store* has named, if it has not said that it ends."""
    try:
        lines = with_suffix(store.resolve(), ".lock").read_bytes().decode(errors="surrogateescape").splitlines()
    except OSError:
        return []
    return [line.removeprefix(_DOOR) for line in lines if line.startswith(_DOOR)]
