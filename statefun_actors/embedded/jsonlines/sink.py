"""A sink that is a file of JSON lines: whole lines, each record once, whatever happened to the process in between.

The committed position says how long the file was after the last write that the store knows of. What stands beyond it
was written by a run that did not live to note it; those records are still in the store, so the file is cut back to the
position and they are written again. The very first position, where our part of the file begins, is committed before
anything is written.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs
import msgspec

from statefun_actors.embedded.jsonlines.errors import EgressFileError
from statefun_actors.embedded.outlet import Outlet
from statefun_actors.embedded.store import EgressRecord
from statefun_actors.model import KafkaRecord, KinesisRecord, TypedValue
from statefun_actors.types import NO_JSON, Codec, json_of, record_of_typed

try:
    import fcntl
except ImportError:  # Windows: two runs can't be kept apart there
    fcntl = None  # type: ignore[assignment]

_CONTROL: Final = frozenset(map(chr, range(0x20))) - frozenset("\t\n\r")


@attrs.frozen
class _Position:
    """``file`` had ``size`` bytes, after ``records`` records."""

    file: str
    size: int
    records: int


def _decoded(position: str | None) -> _Position | None:
    """None at the first use of the egress, and where its records went to something else than a file before."""
    try:
        return msgspec.json.decode(position or "", type=_Position)
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
        self.records = 0
        """Records in the file, since this store first wrote to it."""
        self._line = line if line is not None else lambda value: record_line(value, known)
        self._size = 0
        self._uncut = False
        self._file: int | None = self._opened()

    def resume(self, position: str | None) -> str | None:
        """Cut the file back to *position*.

        Raises:
            EgressFileError: it is shorter than that.
        """
        assert self._file is not None
        at = _decoded(position)
        there = os.fstat(self._file).st_size
        if at is None or at.file != str(self.path):
            self._size, self.records = there, 0
            return self._position()
        if there < at.size:
            raise EgressFileError(
                str(self.path),
                f"it has {there:,} bytes, and {at.size:,} had been written to it",
                "Put it back as it was, or map the egress to a new file.",
            )
        self._size, self.records = at.size, at.records
        os.ftruncate(self._file, self._size)
        return None

    async def run(self, outlet: Outlet) -> None:
        """Append what *outlet* gives. Raises OSError where the file can't be written."""
        while True:
            records = await outlet.take()
            outlet.done(records, await self.write(records))

    async def write(self, records: Sequence[EgressRecord]) -> str:
        """Write *records*, durably; the position after them."""
        assert self._file is not None
        lines = [self._line(record.value) for record in records]
        data = b"\n".join(lines) + b"\n"
        if self._size and os.pread(self._file, 1, self._size - 1) != b"\n":
            data = b"\n" + data  # what was there before us does not end in a whole line
        if self._uncut:
            os.ftruncate(self._file, self._size)
        self._uncut = True
        left = memoryview(data)
        at = self._size
        while left:
            written = os.pwrite(self._file, left, at)
            left, at = left[written:], at + written
        await _synced(self._file)
        self._uncut = False
        self._size, self.records = at, self.records + len(records)
        return self._position()

    def close(self) -> None:
        """Let go of the file. Safe to call twice."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _position(self) -> str:
        return msgspec.json.encode(_Position(str(self.path), self._size, self.records)).decode()

    def _opened(self) -> int:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise self._refused(error.strerror or str(error)) from error
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise self._refused("it is no regular file")
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _sync_folder(self.path.parent)
        except BlockingIOError:
            os.close(file)
            raise self._refused("another run is writing to it") from None
        except BaseException:
            os.close(file)
            raise
        return file

    def _refused(self, reason: str) -> EgressFileError:
        return EgressFileError(str(self.path), reason, "Choose another file.")


async def _synced(file: int) -> None:
    """Have *file* on the disk, without holding up the event loop. Being cancelled, it still ends first."""
    syncing = asyncio.get_running_loop().run_in_executor(None, os.fsync, file)
    try:
        await asyncio.shield(syncing)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):
            await syncing
        raise


def _sync_folder(folder: Path) -> None:
    """Make the file's name as durable as what is in it."""
    with contextlib.suppress(OSError):  # not every file system can
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def record_line(value: TypedValue, known: Mapping[str, Codec] | None = None) -> bytes:
    """The JSON, on one line, that stands for an egress record."""
    try:
        record = record_of_typed(value)
    except ValueError:
        record = None
    if record is not None:
        return _encoded(_record_form(record))
    shown = json_of(value, known)
    if shown is not NO_JSON:
        with contextlib.suppress(ValueError):  # half a surrogate pair
            return _encoded({"type": value.typename, "value": shown})
    return _encoded({"type": value.typename, "value_base64": value.value})


def _record_form(record: KafkaRecord | KinesisRecord) -> dict[str, object]:
    form: dict[str, object]
    if isinstance(record, KafkaRecord):
        form = {"topic": record.topic, "key": record.key}
    else:
        form = {"stream": record.stream, "partition_key": record.partition_key}
        if record.explicit_hash_key is not None:
            form["explicit_hash_key"] = record.explicit_hash_key
    data = record.value
    if data[:1] in (b"{", b"[") and _is_json(data):
        # Newlines in JSON stand between its parts only.
        form["value"] = msgspec.Raw(data.replace(b"\n", b" ").replace(b"\r", b" "))
        return form
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if _CONTROL.isdisjoint(text):
        form["value"] = text
    else:
        form["value_base64"] = data
    return form


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _encoded(form: object) -> bytes:
    try:
        return msgspec.json.encode(form)
    except OverflowError:  # an int beyond 64 bits
        return json.dumps(form, ensure_ascii=False, separators=(",", ":"), default=str).encode()
