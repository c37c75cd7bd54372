"""A sink that writes a file of JSON lines: whole lines, each record once, also after crashes and changes of the file.

The committed position has the size of the file after the last committed write, and a checksum of its last bytes. The
first position, the start of our part of a file, is committed before anything is written.

Bytes after the position were written by a run that ended before the commit, or by another program. Records that are
not committed are still in the store and are written next, in order. So a tail that starts with them is ours: it counts
as written, a partial line after it is removed, and the rest is written. Any other tail is not ours: another program
wrote it, or the store is older than the file, as after restoring a backup.

The file is checked at the start of a run, and before each write:

- removed or replaced (``mv``, logrotate's ``create``): a new part starts at the end of the file at the path;
- shorter, changed, or appended to: :class:`EgressFileError`, and records stay in the store until it is restored.

One case has duplicates after a crash: a rename between a write and its commit. The records of that write are in the
renamed file, and again in the new one.
"""

from __future__ import annotations

import contextlib
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
from statefun_actors.own_logger import own_logger
from statefun_actors.store import EgressRecord
from statefun_actors.types import Codec

logger: Final = own_logger("statefun_actors.engine")

_BLOCK: Final = 256 * 1024


@attrs.frozen
class _SinkPosition:
    """The committed position: ``file`` had ``size`` bytes after ``records`` records.

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
    """None at the first use of the egress, and if its target was not a file before."""
    try:
        return msgspec.json.decode(position or "", type=_SinkPosition)
    except msgspec.DecodeError:
        return None


class JsonLinesSink:
    """Appends records to the file *path*, which is created if missing, with its folders.

    The previous content of the file stays. A Kafka record becomes ``{"topic", "key", "value"}`` (a Kinesis record
    likewise): ``value`` is the JSON object or array, or the text of its bytes; ``value_base64`` replaces it for other
    bytes. Any other value becomes ``{"type", "value"}``, or ``value_base64`` if it has no JSON form.

    Args:
        known: the codecs of the application, by typename.
        line: converts a value to a line, in place of the forms above; without a newline.

    Raises:
        EgressFileError: the file can't be used.
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
        """The number of records written to this path since the first write of this store."""
        return self._at.records if self._at is not None else 0

    def resume(self, position: str | None) -> str | None:
        """Resume at *position*, or at the end of the file if that is not a position of this file."""
        self._at = _decoded(position)
        try:
            if self._file is not None and self._file.in_place():
                return self._placed(self._file)
            return self._reopened()
        except OSError:  # after a failed commit; run() raises it again, and reports it
            return None

    async def run(self, queue: EgressQueue) -> None:
        """Append the records of *queue*.

        Raises:
            EgressFileError: the file can't be used, or another program has changed it; the next run checks it again.
            OSError: it can't be written.
        """
        await self._current(queue)
        if not queue.kept:
            self._check_unwritten()
            queue.working()
        while True:
            records = await queue.take()
            await self._current(queue)
            while (position := await self.write(records)) is None:
                await self._current(queue)
            queue.done(records, position)

    async def write(self, records: Sequence[EgressRecord]) -> str | None:
        """Write *records* durably; return the new position. None: the file was removed meanwhile; write again.

        Raises:
            EgressFileError: another program has changed the file.
            OSError: it can't be written; it is truncated to its previous size, if possible.
        """
        file, at = self._file, self._at
        assert file is not None
        assert at is not None
        before = self._checked(file, at)
        data = b"".join([self._line(record.value) + b"\n" for record in records])
        if before and not before.endswith(b"\n"):
            data = b"\n" + data  # the previous content ends without a newline
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
        """Close the file. A second call has no effect."""
        if self._file is not None:
            self._file.close()
            self._file = None

    # --- opening the file

    async def _current(self, queue: EgressQueue) -> None:
        """Open the file at the path; the start of our part in it is durable on return."""
        while self._file is None or not self._file.in_place():
            if (begun := self._reopened()) is not None:
                await queue.begin(begun)

    def _reopened(self) -> str | None:
        file = EgressFile(self.path)  # before the old one is closed, whose inode would be free for it
        self.close()
        self._file = file
        return self._placed(file)

    def _placed(self, file: EgressFile) -> str | None:
        """Resume in *file* if the position belongs to it (None); else return a new position at its end."""
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
                return None  # the check before the next write raises the error
        if same_path and at is not None and at.records:
            what = "was removed: a new file is begun" if is_new else "was replaced: records go on in the new file"
            logger.warning("egress file %s %s", self.path, what)
        records = at.records if same_path and at is not None else 0
        self._at = _SinkPosition(str(self.path), there, records, file.inode, file.check(there))
        return self._position()

    def _position(self) -> str:
        return msgspec.json.encode(self._at).decode()

    # --- changes by other programs

    def _checked(self, file: EgressFile, at: _SinkPosition) -> bytes:
        """The last bytes before the position. Raises EgressFileError if they have changed."""
        there = file.size
        if there < at.size:
            raise EgressFileCutError(str(self.path), there, at.size)
        before = file.read(max(0, at.size - CHECKED), at.size)
        if at.check is not None and zlib.crc32(before) != at.check:
            raise EgressFileChangedError(str(self.path), at.size)
        return before

    def _check_unwritten(self) -> None:
        """Check as before a write, when no records are pending, so that no tail can be ours."""
        if self._file is not None and self._at is not None:
            self._checked(self._file, self._at)
            if self._file.size > self._at.size:
                raise EgressFileAppendedError(str(self.path), self._file.size, self._at.size)

    def _written_already(self, file: EgressFile, at: _SinkPosition, data: bytes) -> int:
        """The number of bytes of *data* after the position, from an interrupted write."""
        there = file.size
        if there == at.size:
            return 0
        beyond = file.read(at.size, at.size + len(data))
        ours = beyond.rstrip(b"\0")  # after a power failure, a file system may have the new size without the data
        if not data.startswith(ours):
            raise EgressFileAppendedError(str(self.path), there, at.size)
        start = at.size + len(ours)
        rest = (file.read(block, block + _BLOCK) for block in range(start, there, _BLOCK))
        if len(ours) < len(beyond):
            if any(block.strip(b"\0") for block in rest):
                raise EgressFileAppendedError(str(self.path), there, at.size)
            file.cut(start)
        elif start < there and not any(b"\n" in block for block in rest):
            file.cut(start)  # a partial line of the interrupted write; its record is written again if it is stored
        return len(ours)

    def _find(self, file: EgressFile, at: _SinkPosition, data: bytes) -> None:
        """Raise EgressFileError unless the file contains all of *data*, wherever its end is now.

        If it does, and another program has written at the same moment, the check before the next write detects that.
        """
        there = file.size
        if there == at.size + len(data):
            return
        if data not in file.read(max(0, min(at.size, there - len(data))), there):
            raise EgressFileAppendedError(str(self.path), there, at.size)
