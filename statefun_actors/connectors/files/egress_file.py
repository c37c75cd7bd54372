"""An open egress file: its path, its size, and the bytes at its end.

Other programs may remove, rotate, truncate and append to such a file at any time. Locks don't prevent that (they are
advisory), so such changes are detected before each write, and again after it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import stat
import zlib
from pathlib import Path
from typing import Final

from statefun_actors.connectors.files.errors import EgressFileError
from statefun_actors.system import ThreadCall, keep_from_children, make_folder, release, sync_folder

try:
    import fcntl
except ImportError:  # Windows: nothing prevents two runs from writing to one file
    fcntl = None  # type: ignore[assignment]

CHECKED: Final = 4096
"""The number of bytes before a position in its checksum."""


class EgressFile:
    """The file at *path*, locked; it is created if missing, with its folders.

    Raises:
        EgressFileError: it can't be opened, is not a regular file, or another run or egress is writing to it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_new = not path.exists()
        """Whether it was just created, so that no position belongs to it, whatever its inode."""
        self._file = self._opened()
        keep_from_children(self._file)
        found = os.fstat(self._file)
        self._identity = (found.st_dev, found.st_ino)

    @property
    def inode(self) -> int:
        return self._identity[1]

    @property
    def size(self) -> int:
        return os.fstat(self._file).st_size

    @property
    def removed(self) -> bool:
        """Whether its last name was removed, so that no program can open it."""
        return os.fstat(self._file).st_nlink == 0

    def in_place(self) -> bool:
        """Whether it is still the file at its path. Raises OSError if that is unknown."""
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return (found.st_dev, found.st_ino) == self._identity

    def check(self, size: int) -> int:
        """The checksum of the last bytes before *size*."""
        return zlib.crc32(self.read(max(0, size - CHECKED), size))

    def read(self, start: int, end: int) -> bytes:
        """Its bytes from *start* to *end*, or to its end."""
        pieces = []
        while start < end and (piece := os.pread(self._file, end - start, start)):
            pieces.append(piece)
            start += len(piece)
        return b"".join(pieces)

    def append(self, data: memoryview) -> None:
        """Append *data*, never over the writes of other programs. On OSError, a part may have been written."""
        while data:
            data = data[os.write(self._file, data) :]

    def cut(self, size: int) -> None:
        os.ftruncate(self._file, size)

    async def sync(self) -> None:
        """Sync it to the disk, in a thread. If cancelled, the sync ends first."""
        syncing = ThreadCall(functools.partial(os.fsync, self._file)).result
        try:
            await asyncio.shield(syncing)
        except asyncio.CancelledError:
            with contextlib.suppress(OSError):
                await syncing
            raise

    def close(self) -> None:
        release(self._file)
        os.close(self._file)

    def _opened(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0)
        try:
            make_folder(self.path.parent)
            file = os.open(self.path, flags, 0o600)  # a program that can open a file can lock it, and block a run
        except OSError as error:
            raise self._refused(error.strerror or str(error)) from error
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise self._refused("it is no regular file")
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with contextlib.suppress(OSError):  # some file systems don't support it
                sync_folder(self.path.parent)
        except BlockingIOError:
            os.close(file)
            raise self._refused("another run, or another egress of this one, is writing to it") from None
        except BaseException:
            os.close(file)
            raise
        return file

    def _refused(self, reason: str) -> EgressFileError:
        return EgressFileError(str(self.path), reason, "Choose another file.")
