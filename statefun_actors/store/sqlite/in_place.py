"""Detects whether the files of an open store were replaced; each commit checks this first."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from statefun_actors.store.sqlite.files import LOG_SUFFIXES, with_suffix

_TICK_NS: Final = 100_000_000
"""More nanoseconds than two changes of a folder can be apart and have the same time."""
_COARSE_TICK_NS: Final = 3_000_000_000
"""The same for file systems that count seconds."""
_SECOND_NS: Final = 1_000_000_000


class InPlace:
    """The last known state of the store in *file*, which is open, and of its log.

    A check takes a few microseconds. A checkpoint changes the modification time, too: then more is checked, and nothing
    is wrong.

    Commits write the log, and Linux since 6.13 writes the times of a file to disk with its next change if they were
    read: a ``stat`` of the log before each commit made syncing it take half as long again. So while the folder does
    not change, in which any file must be created, deleted or renamed, the log is not looked at.
    """

    def __init__(self, file: Path) -> None:
        self._file: Final = str(file)
        self._folder: Final = str(file.parent)
        self._logs: Final = tuple(str(with_suffix(file, suffix)) for suffix in LOG_SUFFIXES)
        self._settled: tuple[int, ...] | None = None
        """The state of the folder since the last check of all files, if each further change makes another one."""
        self.look()

    def undisturbed(self) -> bool:
        """Whether nothing has changed."""
        now = time.time_ns()
        try:
            folder = os.stat(self._folder)
            # Programs that copy folders set the modification time; the time of the last change of all can't be set.
            state = folder.st_dev, folder.st_ino, folder.st_mtime_ns, folder.st_ctime_ns
            if state == self._settled:
                return _content(self._file) == self._known[0]
            if self._found() != self._known:
                return False
        except OSError:
            return False
        changed = max(folder.st_mtime_ns, folder.st_ctime_ns)
        tick = _TICK_NS if changed % _SECOND_NS else _COARSE_TICK_NS
        self._settled = state if now - changed > tick else None
        return True

    def has_file(self) -> bool:
        """Whether the file is the one that was opened."""
        try:
            return _identity(self._file) == self._known[0][:2]
        except OSError:
            return False

    def has_log(self) -> bool:
        """Whether the log and its index are the ones that were opened."""
        try:
            return tuple(map(_identity, self._logs)) == self._known[1:]
        except OSError:
            return False

    def look(self) -> None:
        """Record the current files as the opened ones."""
        self._known = self._found()

    def _found(self) -> tuple[tuple[int, ...], ...]:
        log, index = self._logs
        return _content(self._file), _identity(log), _identity(index)


def _identity(path: str) -> tuple[int, ...]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _content(path: str) -> tuple[int, ...]:
    found = os.stat(path)
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
