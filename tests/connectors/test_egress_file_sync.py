"""An egress file is synced to the disk in a thread that nothing else can hold."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.connectors.desk import Desk, send, values

SOON = 30


async def test_a_file_is_written_while_all_threads_of_the_event_loop_are_busy(desk: Desk) -> None:
    loop, go = asyncio.get_running_loop(), threading.Event()
    loop.set_default_executor(ThreadPoolExecutor(1))
    busy = loop.run_in_executor(None, go.wait, SOON)
    async with desk.engine() as engine:
        await asyncio.wait_for(send(engine, 1, 2), SOON)
        written = values(desk.path)
    go.set()

    assert written == [1, 2]
    assert await busy
