"""Detects whether the files of an open store were replaced, or its log cut; each commit checks this first."""

from __future__ import annotations

import errno
import os
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Final

from statefun_actors.store.sqlite.connecting import LOG_BYTES
from statefun_actors.store.sqlite.files import LOG_SUFFIXES, with_suffix

_TICK_NS: Final = 100_000_000
"""More nanoseconds than two changes of a folder can be apart and have the same time."""
_COARSE_TICK_NS: Final = 3_000_000_000
"""The same for file systems that count seconds."""
_SECOND_NS: Final = 1_000_000_000
_OPENED: Final = Path("/dev/fd")
"""Names of the descriptors of this process, on systems that have them."""
_DESCRIPTORS: Final = (2, 2, 1)
"""SQLite's descriptors of the file, the log and its index, for two connections."""
_MISSING: Final = ()
_REPLACED: Final = (-1, -1)
"""Stands for an opened log whose name another file has. No file has this identity, so the next check finds it."""

Seen = tuple[tuple[int, ...], ...]
"""What is known of the file (its identity, time of its last change, and size), of its log, and of the log's index."""


class InPlace:
    """The last known state of the store in *file*, which two connections have opened, and of its log.

    A check takes a few microseconds. A checkpoint changes the modification time, too: then more is checked, and nothing
    is wrong.

    Commits write the log, and Linux since 6.13 writes the times of a file to disk with its next change if they were
    read: a ``stat`` of the log before each commit made syncing it take half as long again. So while the folder does
    not change, in which any file must be created, deleted or renamed, only the size of the log is read, by a seek.

    Raises:
        OSError: the files can't be seen, or *file* is no longer the one that was opened.
    """

    def __init__(self, file: Path) -> None:
        self._file: Final = str(file)
        self._folder: Final = str(file.parent)
        self._logs: Final = tuple(str(with_suffix(file, suffix)) for suffix in LOG_SUFFIXES)
        self._settled: tuple[int, ...] | None = None
        """The state of the folder since the last check of all files, if each further change makes another one."""
        self._log: int | None = None
        """An own descriptor of the log."""
        self._log_size = 0
        self._known = self._opened()
        with suppress(FileNotFoundError):
            self._log = os.open(self._logs[0], os.O_RDONLY | getattr(os, "O_BINARY", 0))
            self.wrote()

    def close(self) -> None:
        """Close the descriptor of the log. What is known of the files stays."""
        if self._log is not None:
            os.close(self._log)
        self._log, self._log_size = None, 0

    def undisturbed(self) -> bool:
        """Whether nothing has changed."""
        now = time.time_ns()
        try:
            if self.cut():
                return False
            folder = os.stat(self._folder)
            # Programs that copy folders set the modification time; the time of the last change of all can't be set.
            state = folder.st_dev, folder.st_ino, folder.st_mtime_ns, folder.st_ctime_ns
            if state == self._settled:
                return _content(self._file) == self._known[0]
            if self.see() != self._known:
                return False
        except OSError:
            return False
        changed = max(folder.st_mtime_ns, folder.st_ctime_ns)
        tick = _TICK_NS if changed % _SECOND_NS else _COARSE_TICK_NS
        self._settled = state if now - changed > tick else None
        return True

    def see(self) -> Seen:
        """The current files. Only one that does not exist counts as missing."""
        log, index = self._logs
        return _seen(self._file), _seen(log)[:2], _seen(index)[:2]

    def has_file(self, seen: Seen) -> bool:
        """Whether the file is the one that was opened."""
        return seen[0][:2] == self._known[0][:2]

    def has_log(self, seen: Seen) -> bool:
        """Whether the log and its index are the ones that were opened."""
        return seen[1:] == self._known[1:]

    def accept(self, seen: Seen) -> None:
        """Take *seen*, in which nothing is wrong, as the known state."""
        self._known, self._settled = seen, None
        self.wrote()

    def wrote(self) -> None:
        """Note the size of the log, which this process has written, or which was checked."""
        self._log_size = self.log_size()

    def cut(self) -> bool:
        """Whether the log is shorter than it was; SQLite does that only at its limit, and if a program asks for it."""
        return self.log_size() < min(self._log_size, LOG_BYTES)

    def log_size(self) -> int:
        """Bytes of the log, even if it has been deleted."""
        return 0 if self._log is None else os.lseek(self._log, 0, os.SEEK_END)

    def _opened(self) -> Seen:
        """The files by name. A log that is not the one which this process has opened counts as replaced.

        Raises:
            FileNotFoundError: the file itself is not the one which this process has opened.
        """
        seen = self.see()
        found: Counter[tuple[int, ...]] = Counter()
        try:
            descriptors = [int(each.name) for each in _OPENED.iterdir()]
        except OSError:
            return seen
        for descriptor in descriptors:
            with suppress(OSError):
                opened = os.fstat(descriptor)
                found[opened.st_dev, opened.st_ino] += 1
        file, *logs = (
            name if found[name[:2]] >= least else _REPLACED for name, least in zip(seen, _DESCRIPTORS, strict=True)
        )
        if file is _REPLACED:
            raise FileNotFoundError(errno.ENOENT, "its file was moved or replaced meanwhile", self._file)
        return file, *logs


def _content(path: str) -> tuple[int, ...]:
    found = os.stat(path)
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def _seen(path: str) -> tuple[int, ...]:
    try:
        return _content(path)
    except FileNotFoundError:
        return _MISSING
