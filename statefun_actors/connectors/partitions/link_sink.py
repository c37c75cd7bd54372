"""``LinkSink``: hands messages, or the records of an egress, over to another partition."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any as Untyped
from typing import Final, Literal

import msgspec

from statefun_actors.backoff import Backoff
from statefun_actors.connectors.http import REFUSED_RECORDS
from statefun_actors.connectors.partitions import frames
from statefun_actors.connectors.partitions.frames import Durable, Hello, Records, Welcome, frame, read_frame
from statefun_actors.engine import EgressQueue, Lineage
from statefun_actors.partitions import HANDED_OVER, write_record
from statefun_actors.store import EgressRecord, StoreMismatchError

_BACKOFF: Final = Backoff(0.02, 0.5)
"""Pauses while the other partition can't be reached: its process is restarted within a second."""
_MOST_IN_FRAME: Final = 1_000
_LARGEST_FRAME: Final = 1024 * 1024
"""The bytes of records after which a frame is sent, so that a frame is not much larger."""


class LinkSink:
    """Hands records over to the partition *receiver* at *path*, exactly once: it drops repeats by their ``seq``.

    Its position is the number of the last record that the receiver has confirmed. If the receiver has fewer records, or
    some that this store does not know, one of the two stores was replaced by an older one.

    Args:
        system: the id of the system.
        sender: the partition of this process.
        store: the path of the store, for errors.
        egress: the egress that *receiver* writes; None: the records are messages.
    """

    is_link: Literal[True] = True
    needs_lineage: Literal[True] = True
    """See :class:`~statefun_actors.engine.Sink`."""

    def __init__(
        self, path: Path, system: str, sender: int, receiver: int, store: Path, egress: str | None = None
    ) -> None:
        self._path, self._system, self._sender, self._store = path, system, sender, store
        self.receiver, self.egress = receiver, egress
        self._least = 0
        """The number of the last record that the receiver has confirmed; it may have more."""

    @property
    def confirmed(self) -> int:
        """The number of the last record that the receiver has confirmed: the last one of all if none is left."""
        return self._least

    def resume(self, position: str | None) -> str | None:
        self._least = int(position or 0)
        return None

    async def run(self, queue: EgressQueue, /) -> None:
        waiting: deque[EgressRecord] = deque(await queue.take(_MOST_IN_FRAME))
        failures = 0
        while True:
            before = queue.through
            try:
                await self._hand_over(queue, waiting)
            except (OSError, EOFError, msgspec.MsgspecError) as error:
                queue.unavailable(f"partition {self.receiver} can't be reached: {_reason(error)}")
            failures = 1 if queue.through > before else failures + 1
            await asyncio.sleep(_BACKOFF.seconds(failures))

    async def _hand_over(self, queue: EgressQueue, waiting: deque[EgressRecord]) -> None:
        """Hand over *waiting*, and the records that follow them, by one connection. Returns when that is closed."""
        reader, writer = await asyncio.open_unix_connection(self._path)
        try:
            starts = queue.lineage.briefly_noted
            writer.write(frame(Hello(self._system, self._sender, self.receiver, starts, self.egress)))
            welcome: Welcome = await read_frame(reader, frames.read_welcome)
            self._check(welcome, queue.lineage)
            self._done(queue, waiting, welcome.durable)
            queue.working()
            await _first(self._send(queue, waiting, writer), self._confirm(queue, waiting, reader))
        finally:
            writer.close()

    async def _send(self, queue: EgressQueue, waiting: deque[EgressRecord], writer: asyncio.StreamWriter) -> None:
        records = list(waiting)
        while True:
            if records:
                await self._write(writer, records)
            taken = await queue.take(_MOST_IN_FRAME)
            waiting += taken
            # After a crash, records that the receiver has may not be marked here. It does not confirm them again.
            self._done(queue, waiting, self._least)
            records = [record for record in taken if record.seq > self._least]

    async def _confirm(self, queue: EgressQueue, waiting: deque[EgressRecord], reader: asyncio.StreamReader) -> None:
        while True:
            durable: Durable = await read_frame(reader, frames.read_durable)
            self._done(queue, waiting, durable.seq)

    def _check(self, welcome: Welcome, lineage: Lineage) -> None:
        """Compare the last durable record of the receiver with what this store knows.

        Raises:
            StoreMismatchError: one of the two stores was replaced by an older one.
        """
        sender, receiver = f"partition {self._sender}", f"partition {self.receiver}"
        durable = welcome.durable
        if durable > self._least and lineage.shared_with(durable, Lineage.read(welcome.starts)) != durable:
            was = (
                f"{receiver} has record {durable:,} of {sender}, which the store of {sender} does not know: the file "
                f"of {sender} was replaced by an older one"
            )
        elif durable < self._least:
            was = (
                f"{receiver} has no record of {sender} after {durable:,}, but has confirmed {self._least:,}: the file "
                f"of {receiver} was replaced by an older one"
            )
        else:
            return
        raise StoreMismatchError(str(self._store), was, "Restore a backup of all partitions.")

    def _done(self, queue: EgressQueue, waiting: deque[EgressRecord], durable: int) -> None:
        """Mark the records of *waiting* up to number *durable*."""
        self._least = max(self._least, durable)
        done: list[EgressRecord] = []
        last: int | None = None
        while waiting and waiting[0].seq <= durable:
            record = waiting.popleft()
            last = record.seq
            if self._fits(record):
                done.append(record)
            else:
                queue.done_as(record, REFUSED_RECORDS, record.value)
        if last is not None:
            (queue.done if self.egress is None else queue.handed_on)(done, str(last))

    async def _write(self, writer: asyncio.StreamWriter, records: Sequence[EgressRecord]) -> None:
        part: list[tuple[int, bytes]] = []
        size = 0
        for record in records:
            part.append((record.seq, self._content(record)))
            size += len(record.value.value)
            if size >= _LARGEST_FRAME:
                writer.write(frame(Records(part)))
                part, size = [], 0
                await writer.drain()
        if part:
            writer.write(frame(Records(part)))
            await writer.drain()

    def _content(self, record: EgressRecord) -> bytes:
        """The bytes of *record* for the receiver.

        They are empty for one that does not fit: the receiver confirms its number.
        """
        if self.egress is not None:
            return write_record(record.value, record.headers)
        return record.value.value if self._fits(record) else b""

    def _fits(self, record: EgressRecord) -> bool:
        """Whether *record* is what this link hands over. After an edit of the store, it may be no message."""
        return self.egress is not None or record.value.typename == HANDED_OVER


async def _first(*works: Coroutine[Untyped, Untyped, None]) -> None:
    """Run *works* until one of them ends, and cancel the others. Raises what that one raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if not task.cancelled():
            task.result()


def _reason(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "it closed the connection"
    return (isinstance(error, OSError) and error.strerror) or str(error)
