"""A sink that is standard output: one JSON line for each record, as in files.

What was printed can't be taken back: after a crash, the lines of the last moment come again.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Mapping

from statefun_actors.embedded import Outlet, record_line
from statefun_actors.types import Codec


class StdoutSink:
    """Writes JSON lines to *file*, at the pace of whoever reads there. Only one may write there.

    Args:
        known: how to read values whose typename the application knows.
        on_gone: called once nobody reads there any more (``| head``); nothing is written from then on.
        file: the descriptor.
    """

    def __init__(
        self, known: Mapping[str, Codec] | None = None, *, on_gone: Callable[[], None] | None = None, file: int = 1
    ) -> None:
        self._known, self._on_gone, self._file = known, on_gone, file
        self.records = 0
        """Records written since it was made."""

    def resume(self, position: str | None) -> str | None:  # noqa: ARG002 - the protocol
        return None

    async def run(self, outlet: Outlet) -> None:
        while True:
            records = await outlet.take()
            lines = b"".join(record_line(record.value, self._known) + b"\n" for record in records)
            try:
                await _in_thread(_write_all, self._file, lines)
            except BrokenPipeError:
                outlet.failing("nobody reads standard output any more")
                if self._on_gone is not None:
                    self._on_gone()
                await asyncio.Event().wait()
            outlet.done(records)
            self.records += len(records)


def _write_all(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


async def _in_thread(write: Callable[[int, bytes], None], file: int, data: bytes) -> None:
    """*write* in a thread that nobody waits for at the end of the process: a reader may have stopped reading."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def tell(error: OSError | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def work() -> None:
        try:
            write(file, data)
        except OSError as error:
            loop.call_soon_threadsafe(tell, error)
        else:
            loop.call_soon_threadsafe(tell, None)

    threading.Thread(target=work, daemon=True, name="statefun-actors stdout").start()
    await done
