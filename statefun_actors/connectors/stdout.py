"""A sink that is standard output: one JSON line per record, as in files.

Printed lines can't be undone: after a crash, the last lines may be printed again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from statefun_actors.connectors.files import record_line
from statefun_actors.connectors.threads import in_thread
from statefun_actors.engine import EgressQueue
from statefun_actors.types import Codec


class Output(Protocol):
    """Where lines are printed."""

    def write(self, lines: bytes, /) -> None:
        """Print *lines*, at the speed of the reader. To be called by one thread at a time.

        Raises:
            BrokenPipeError: the reader has closed its end (``| head``).
            OSError: they can't be written, or only in part. A call with the same ones, and more, continues.
        """
        ...


class LineOutput:
    """Prints to the descriptor *file*, to which nothing else may write. Each line is whole, also after an error."""

    def __init__(self, file: int = 1) -> None:
        self._file = file
        self._lines = b""
        """The lines of the last call, if that has failed."""
        self._written = 0
        """The bytes of them that were written."""

    def write(self, lines: bytes, /) -> None:
        """See :meth:`Output.write`."""
        if self._written and not lines.startswith(self._lines[: self._written]):
            lines = self._rest_of_line() + lines
            self._written = 0
        self._lines = lines
        while self._written < len(lines):
            self._written += os.write(self._file, memoryview(lines)[self._written :])
        self._lines, self._written = b"", 0

    def _rest_of_line(self) -> bytes:
        if self._lines[self._written - 1 : self._written] == b"\n":
            return b""
        return self._lines[self._written : self._lines.index(b"\n", self._written) + 1]


class StdoutSink:
    """Writes JSON lines to *output*, at the speed of its reader.

    Args:
        known: the codecs of the application, by typename.
        on_gone: called when the reader has closed its end (``| head``); nothing is written after that.
        output: standard output, by default that of this process.
    """

    def __init__(
        self,
        known: Mapping[str, Codec] | None = None,
        *,
        on_gone: Callable[[], None] | None = None,
        output: Output | None = None,
    ) -> None:
        self._known, self._on_gone = known, on_gone
        self._output = LineOutput() if output is None else output
        self.records = 0
        """The number of records written since it was created."""

    def resume(self, position: str | None) -> str | None:  # noqa: ARG002 - the protocol
        return None

    async def run(self, queue: EgressQueue) -> None:
        while True:
            records = await queue.take()
            lines = b"".join(record_line(record.value, self._known) + b"\n" for record in records)
            try:
                await in_thread("statefun-actors stdout", partial(self._output.write, lines))
            except BrokenPipeError:
                queue.failing("the reader of standard output has closed it")
                if self._on_gone is not None:
                    self._on_gone()
                await asyncio.Event().wait()
            queue.done(records)
            self.records += len(records)
