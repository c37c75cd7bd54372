"""A sink that is standard output: one JSON line per record, as in files.

Printed lines can't be undone: after a crash, the last lines may be printed again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from functools import partial

from statefun_actors.connectors.files import record_line
from statefun_actors.connectors.threads import in_thread
from statefun_actors.engine import EgressQueue
from statefun_actors.types import Codec


class StdoutSink:
    """Writes JSON lines to *file*, at the speed of its reader. One sink only may write to it.

    Args:
        known: the codecs of the application, by typename.
        on_gone: called when the reader has closed its end (``| head``); nothing is written after that.
        file: the descriptor.
    """

    def __init__(
        self, known: Mapping[str, Codec] | None = None, *, on_gone: Callable[[], None] | None = None, file: int = 1
    ) -> None:
        self._known, self._on_gone, self._file = known, on_gone, file
        self.records = 0
        """The number of records written since it was created."""
        self._ahead = 0
        """Bytes of the next records that were written before an error, so that no partial line is repeated."""

    def resume(self, position: str | None) -> str | None:  # noqa: ARG002 - the protocol
        return None

    async def run(self, queue: EgressQueue) -> None:
        while True:
            records = await queue.take()
            lines = b"".join(record_line(record.value, self._known) + b"\n" for record in records)
            try:
                await in_thread("statefun-actors stdout", partial(self._write, lines))
            except BrokenPipeError:
                queue.failing("the reader of standard output has closed it")
                if self._on_gone is not None:
                    self._on_gone()
                await asyncio.Event().wait()
            queue.done(records)
            self.records += len(records)

    def _write(self, data: bytes) -> None:
        while self._ahead < len(data):
            self._ahead += os.write(self._file, memoryview(data)[self._ahead :])
        self._ahead = 0
