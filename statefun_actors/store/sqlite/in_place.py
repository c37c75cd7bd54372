"""Detects whether the files of an open store were replaced; each commit checks this first."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from statefun_actors.store.sqlite.files import LOG_SUFFIXES, with_suffix


class InPlace:
    """The last known state of the store in *file*, which is open, and of its log.

    A check takes a few microseconds. A checkpoint changes the modification time, too: then more is checked, and nothing
    is wrong.
    """

    def __init__(self, file: Path) -> None:
        self._file: Final = file
        self._logs: Final = tuple(with_suffix(file, suffix) for suffix in LOG_SUFFIXES)
        self.look()

    def undisturbed(self) -> bool:
        """Whether nothing has changed."""
        try:
            return self._found() == self._known
        except OSError:
            return False

    def has_file(self) -> bool:
        """Whether the file is the one that was opened."""
        try:
            return _identity(self._file) == self._known[0]
        except OSError:
            return False

    def has_log(self) -> bool:
        """Whether the log and its index are the ones that were opened."""
        try:
            return tuple(map(_identity, self._logs)) == self._known[2:]
        except OSError:
            return False

    def look(self) -> None:
        """Record the current files as the opened ones."""
        self._known = self._found()

    def _found(self) -> tuple[tuple[int, int], ...]:
        file = self._file.stat()
        log, index = self._logs
        return ((file.st_dev, file.st_ino), (file.st_mtime_ns, file.st_size), _identity(log), _identity(index))


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino
