"""A sink that is a file of JSON lines: whole lines, each record once, whatever happens to the process or the file.

The committed position says how long the file was after the last write that the store knows of, and what its last bytes
were. The very first position, where our part of a file begins, is committed before anything is written.

What stands beyond the position was written by a run that did not live to commit it, or by another program. Records that
are not committed are still in the store and come next, in order, so a tail that begins as they do is ours: it counts as
written, part of a line after it is removed, and what is missing is written. Any other tail is not ours: another program
wrote it, or the store is older than the file, as after restoring a backup.

The same comparison is made before each write of a run, and at its start:

- removed, or another file in its place (``mv``, logrotate's ``create``): a new part begins at the end of what is there;
- shorter, changed, or appended to: :class:`EgressFileError`, and records stay in the store until that is mended.

A rename between a write and its commit is the one thing that can't be made good after a crash: the records of that
write are in the renamed file, and again in the new one.
"""

from __future__ import annotations

import contextlib
import logging
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs
import msgspec

from statefun_actors.connectors.files.egress_file import CHECKED, EgressFile
from statefun_actors.connectors.files.errors import (
    EgressFileAppendedError,
    EgressFileChangedError,
    EgressFileCutError,
)
from statefun_actors.connectors.files.record_line import record_line
from statefun_actors.engine import EgressQueue
from statefun_actors.model import TypedValue
from statefun_actors.store import EgressRecord
from statefun_actors.types import Codec

logger: Final = logging.getLogger("statefun_actors.engine")

_BLOCK: Final = 256 * 1024


@attrs.frozen
class _SinkPosition:
    """``file`` had ``size`` bytes, after ``records`` records.

    Args:
        inode: of the file; 0 in positions of earlier versions.
        check: checksum of the last bytes before *size*; None in positions of earlier versions.
    """

    file: str
    size: int
    records: int
    inode: int = 0
    check: int | None = None


def _decoded(position: str | None) -> _SinkPosition | None:
    """None at the first use of the egress, and where its records went to something else than a file before."""
    try:
        return msgspec.json.decode(position or "", type=_SinkPosition)
    except msgspec.DecodeError:
        return None


class JsonLinesSink:
    """Appends records to the file *path*, which is made if it isn't there, folders included.

    What the file held before this store first wrote to it stays. A Kafka record becomes ``{"topic", "key", "value"}``
    (a Kinesis record likewise), ``value`` being the text of its bytes, or the object or array if they are JSON, and
    ``value_base64`` standing for it where they are neither. Any other value becomes ``{"type", "value"}``, with
    ``value_base64`` where there is no JSON form.

    Args:
        known: how to read values whose typename the application knows.
        line: what to write for a value, in place of all that; without a newline.

    Raises:
        EgressFileError: the file can't be had.
    """

    def __init__(
        self,
        path: Path,
        known: Mapping[str, Codec] | None = None,
        *,
        line: Callable[[TypedValue], bytes] | None = None,
    ) -> None:
        self.path = path.absolute()
        self._line = line if line is not None else lambda value: record_line(value, known)
        self._file: EgressFile | None = EgressFile(self.path)
        self._at: _SinkPosition | None = None

    @property
    def records(self) -> int:
        """Records written to this path, since this store first wrote to it."""
        return self._at.records if self._at is not None else 0

    def resume(self, position: str | None) -> str | None:
        """Go on at *position*, or begin where the file ends if that is none of this file."""
        self._at = _decoded(position)
        try:
            if self._file is not None and self._file.in_place():
                return self._placed(self._file)
            return self._reopened()
        except OSError:  # after a failed commit; run() meets it again, and reports it
            return None

    async def run(self, outlet: EgressQueue) -> None:
        """Append what *outlet* gives.

        Raises:
            EgressFileError: the file can't be had, or others have changed it; it is looked at again when run again.
            OSError: it can't be written.
        """
        await self._current(outlet)
        if not outlet.kept:
            self._check_unwritten()
            outlet.working()
        while True:
            records = await outlet.take()
            await self._current(outlet)
            while (position := await self.write(records)) is None:
                await self._current(outlet)
            outlet.done(records, position)

    async def write(self, records: Sequence[EgressRecord]) -> str | None:
        """Write *records*, durably; the position after them. None = the file was removed under them: write them again.

        Raises:
            EgressFileError: others have changed the file.
            OSError: it can't be written; it is cut back to what it was, where that is possible.
        """
        file, at = self._file, self._at
        assert file is not None
        assert at is not None
        before = self._checked(file, at)
        data = b"".join([self._line(record.value) + b"\n" for record in records])
        if before and not before.endswith(b"\n"):
            data = b"\n" + data  # what was there before us does not end in a whole line
        written = self._written_already(file, at, data)
        if written < len(data):
            try:
                file.append(memoryview(data)[written:])
            except OSError:
                with contextlib.suppress(OSError):
                    if data.startswith(file.read(at.size, at.size + len(data))) and file.size <= at.size + len(data):
                        file.cut(at.size)
                raise
            self._find(file, at, data)
        await file.sync()
        if file.removed:
            return None
        size = at.size + len(data)
        check = zlib.crc32((before + data)[-CHECKED:])
        self._at = _SinkPosition(str(self.path), size, at.records + len(records), file.inode, check)
        return self._position()

    def close(self) -> None:
        """Let go of the file. Safe to call twice."""
        if self._file is not None:
            self._file.close()
            self._file = None

    # --- which file

    async def _current(self, outlet: EgressQueue) -> None:
        """Have that file open which the path leads to now; where our part of it begins is durable."""
        while self._file is None or not self._file.in_place():
            if (begun := self._reopened()) is not None:
                await outlet.begin(begun)

    def _reopened(self) -> str | None:
        file = EgressFile(self.path)  # before the old one is closed, whose inode would be free for it
        self.close()
        self._file = file
        return self._placed(file)

    def _placed(self, file: EgressFile) -> str | None:
        """Go on in *file* where the position says, if that is a position of it; else the new one, at its end."""
        at, there = self._at, file.size
        is_new, file.is_new = file.is_new, False
        same_path = at is not None and at.file == str(self.path)
        if at is not None:
            if at.check is None:  # an earlier version wrote it: by its path alone
                if same_path:
                    return None
            elif there >= at.size > 0 and file.check(at.size) == at.check:
                return None  # also if it was copied or restored, or its folder was moved
            elif same_path and at.inode == file.inode and not is_new:
                return None  # what is wrong with it is found before it is written to
        if same_path and at is not None and at.records:
            what = "was removed: a new file is begun" if is_new else "was replaced: records go on in the new file"
            logger.warning("egress file %s %s", self.path, what)
        records = at.records if same_path and at is not None else 0
        self._at = _SinkPosition(str(self.path), there, records, file.inode, file.check(there))
        return self._position()

    def _position(self) -> str:
        return msgspec.json.encode(self._at).decode()

    # --- what others have done to it

    def _checked(self, file: EgressFile, at: _SinkPosition) -> bytes:
        """The last bytes before the position, which are those that were written. Raises EgressFileError otherwise."""
        there = file.size
        if there < at.size:
            raise EgressFileCutError(str(self.path), there, at.size)
        before = file.read(max(0, at.size - CHECKED), at.size)
        if at.check is not None and zlib.crc32(before) != at.check:
            raise EgressFileChangedError(str(self.path), at.size)
        return before

    def _check_unwritten(self) -> None:
        """As before a write, where no records are left that a tail of ours could be of."""
        if self._file is not None and self._at is not None:
            self._checked(self._file, self._at)
            if self._file.size > self._at.size:
                raise EgressFileAppendedError(str(self.path), self._file.size, self._at.size)

    def _written_already(self, file: EgressFile, at: _SinkPosition, data: bytes) -> int:
        """How many bytes of *data* stand beyond the position, from a write that was interrupted."""
        there = file.size
        if there == at.size:
            return 0
        beyond = file.read(at.size, at.size + len(data))
        ours = beyond.rstrip(b"\0")  # a file system may have noted the new length before a power failure, and no more
        if not data.startswith(ours):
            raise EgressFileAppendedError(str(self.path), there, at.size)
        start = at.size + len(ours)
        rest = (file.read(block, block + _BLOCK) for block in range(start, there, _BLOCK))
        if len(ours) < len(beyond):
            if any(block.strip(b"\0") for block in rest):
                raise EgressFileAppendedError(str(self.path), there, at.size)
            file.cut(start)
        elif start < there and not any(b"\n" in block for block in rest):
            file.cut(start)  # part of a line, which the interrupted write began; its record comes again if it is stored
        return len(ours)

    def _find(self, file: EgressFile, at: _SinkPosition, data: bytes) -> None:
        """Raise EgressFileError unless *data* has got whole into the file, wherever others have left its end.

        Where it has, and others have written at the same moment, that is found before the next write.
        """
        there = file.size
        if there == at.size + len(data):
            return
        if data not in file.read(max(0, min(at.size, there - len(data))), there):
            raise EgressFileAppendedError(str(self.path), there, at.size)
