"""Reads the lines of a file, plain or gzip, from a known position.

A :class:`LineOffset` has a checksum of everything before it, so a resume in a file that has changed there is an error,
while the rest may be corrected or extended. The cost is that a resume reads all of it again, at the speed of the disk;
handling it took a hundred times as long.
"""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path
from typing import Final

import attrs

from statefun_actors.connectors.files.errors import InputChangedError, InputUnreadableError

_BLOCK: Final = 256 * 1024
_GZIP_MAGIC: Final = b"\x1f\x8b"


@attrs.frozen
class LineOffset:
    """A position in a file: uncompressed bytes and lines before it, and their checksum."""

    offset: int = 0
    line: int = 0
    check: int = 0
    unended: bool = False
    """Whether the last line had no newline, at the end of the file."""
    through: int = 0
    """The number of the last line in the file, if other readers take some of the lines before it."""

    def as_json(self) -> str:
        """A JSON object of its fields."""
        unended = "true" if self.unended else "false"
        through = f',"through":{self.through}' if self.through else ""
        return f'{{"offset":{self.offset},"line":{self.line},"check":{self.check},"unended":{unended}{through}}}'


class LineReader:
    """Reads the file *path* from *place* on.

    :meth:`peek` returns the next lines, none at the end of the file; :meth:`advance` skips them. Of a line longer than
    *longest* bytes it returns only the start, of more than *longest* bytes.

    Raises:
        InputChangedError: the file has changed before *place*; or, by :meth:`peek` and :meth:`advance`, it was
            truncated while it was read.
        InputUnreadableError: it can't be opened or read; :meth:`peek` and :meth:`advance` raise it too.
    """

    at_end: Final = True
    """Whether the end of the file is reached if :meth:`peek` returns no line."""

    def __init__(self, path: Path, place: LineOffset | None, longest: int) -> None:
        self.path = path
        self._longest = longest
        self._raw, self._file = self._opened()
        self._offset = self._line = self._check = 0
        self._unended = False
        self._damage: str | None = None
        self._data = self._tail = b""
        self._at = 0
        self._lines: list[bytes] = []
        self._next = 0
        self._cut = False
        try:
            self.size = os.fstat(self._raw.fileno()).st_size
            if place is not None:
                self._go_to(place)
        except BaseException:
            self.close()
            raise

    @property
    def place(self) -> LineOffset:
        """The position after the skipped lines."""
        return LineOffset(self._offset, self._line, self._check, self._unended)

    @property
    def line(self) -> int:
        """The number of the last skipped line."""
        return self._line

    @property
    def next_number(self) -> int:
        """The number of the next line."""
        return self._line + 1

    @property
    def raw_offset(self) -> int:
        """The approximate number of bytes of the file, of :attr:`size`, that have been read."""
        return self._raw.tell()

    def peek(self, most: int) -> Sequence[bytes]:
        """At most *most* of the next lines, without their newlines; empty at the end of the file."""
        if self._next >= len(self._lines):
            self._load()
        return self._lines[self._next : self._next + most]

    def advance(self, count: int) -> None:
        """Skip *count* of the lines that :meth:`peek` returned."""
        if self._cut:
            self._skip_cut()
            return
        taken = self._lines[self._next : self._next + count]
        self._next += count
        end = self._at + sum(map(len, taken)) + count
        if end > len(self._data):
            end = len(self._data)
            self._unended = True
        self._check = zlib.crc32(memoryview(self._data)[self._at : end], self._check)
        self._offset += end - self._at
        self._at = end
        self._line += count

    def close(self) -> None:
        self._file.close()
        self._raw.close()

    def _opened(self) -> tuple[BufferedReader, BufferedReader | gzip.GzipFile]:
        try:
            raw = open(self.path, "rb", opener=_without_waiting)  # noqa: SIM115 - it stays open
            try:
                if not stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
                    raise self._unreadable("it is no regular file")
                packed = raw.read(2) == _GZIP_MAGIC
                raw.seek(0)
            except BaseException:
                raw.close()
                raise
        except OSError as error:
            if isinstance(error, InputUnreadableError):
                raise
            raise InputUnreadableError(str(self.path), 0, error.strerror or str(error)) from error
        return raw, (gzip.GzipFile(fileobj=raw) if packed else raw)

    def _unreadable(self, reason: str) -> InputUnreadableError:
        return InputUnreadableError(str(self.path), getattr(self, "_line", 0), reason)

    def _read(self, most: int | None = None) -> bytes:
        """Up to *most* bytes; empty at the end of the file. Data before a damaged part is still read."""
        if self._damage is not None:
            raise self._unreadable(self._damage)
        left = most if most is not None else _BLOCK
        pieces: list[bytes] = []
        try:
            while left and (piece := self._file.read1(left)):
                pieces.append(piece)
                left -= len(piece)
        except EOFError:
            self._damage = "the gzip file ends in the middle"
        except (OSError, zlib.error) as error:
            self._damage = str(error)
        if self._damage is not None and not pieces:
            raise self._unreadable(self._damage)
        if not pieces and (there := os.fstat(self._raw.fileno()).st_size) < (read := self._raw.tell()):
            found = f"it was truncated to {there:,} bytes while it was read, after {read:,} bytes"
            raise InputChangedError(str(self.path), self._line, found)
        return b"".join(pieces)

    def _go_to(self, place: LineOffset) -> None:
        left, check = place.offset, 0
        while left:
            block = self._read(min(_BLOCK, left))
            if not block:
                found = f"it holds {place.offset - left:,} bytes, and {place.offset:,} had been read"
                raise InputChangedError(str(self.path), place.line, found)
            check = zlib.crc32(block, check)
            left -= len(block)
        if check != place.check:
            raise InputChangedError(str(self.path), place.line, "what stands there is something else")
        self._offset, self._line, self._check = place.offset, place.line, check
        if place.unended:
            self._end_line(place)

    def _end_line(self, place: LineOffset) -> None:
        """The last line had no newline: if the file has grown, the next byte must be one."""
        block = self._read()
        rest = block.lstrip(b" \t\r")
        if not rest:
            self._unended = True
        elif not rest.startswith(b"\n"):
            raise InputChangedError(str(self.path), place.line, "that line, which was its last, goes on")
        self._tail = rest[1:]
        passed = block[: len(block) - len(self._tail)]
        self._check = zlib.crc32(passed, self._check)
        self._offset += len(passed)

    def _load(self) -> None:
        """Load the next lines, if there are any."""
        pieces, size, block = [], 0, self._tail
        self._tail = b""
        self._next = self._at = 0
        while True:
            if block:
                pieces.append(block)
                size += len(block)
                if b"\n" in block:
                    self._data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
                    self._lines = self._data.split(b"\n")
                    self._tail = self._lines.pop()
                    return
                if size > self._longest:
                    self._data = b"".join(pieces)
                    self._lines = [self._data]
                    self._cut = True
                    return
            block = self._read()
            if not block:
                self._data = b"".join(pieces)
                self._lines = [self._data] if size else []
                return

    def _skip_cut(self) -> None:
        block, tail = self._data, b""
        check, offset = self._check, self._offset
        while block:
            end = block.find(b"\n") + 1
            passed = block[:end] if end else block
            check = zlib.crc32(passed, check)
            offset += len(passed)
            if end:
                tail = block[end:]
                break
            block = self._read()
        self._unended = not block
        self._check, self._offset, self._line = check, offset, self._line + 1
        self._data, self._lines, self._tail, self._cut = b"", [], tail, False
        self._next = self._at = 0


def _without_waiting(path: str, flags: int) -> int:
    """Open *path*; a pipe without waiting for its writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
