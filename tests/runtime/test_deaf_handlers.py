"""A process ends although a handler and a task that it left catch everything."""

from __future__ import annotations

import subprocess
import sys

DEAF = """
import asyncio
import threading
from statefun_actors import Entity, Runtime, handles
from statefun_actors.runtime import async_runtime

async_runtime._DRAIN_SECONDS = 0
entered = threading.Event()

class Deaf(Entity, typename="test/deaf"):
    @handles
    async def stay(self, message: int) -> None:
        asyncio.create_task(stay())
        entered.set()
        await stay()

async def stay() -> None:
    while True:
        try:
            await asyncio.sleep(60)
        except BaseException:
            pass

with Runtime(Deaf) as runtime:
    runtime.tell(Deaf.at("a"), 1)
    assert entered.wait(30)
print("left")
"""


def test_a_process_ends_although_a_handler_catches_everything() -> None:
    ended = subprocess.run([sys.executable, "-c", DEAF], capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, ended.stdout) == (0, "left\n"), ended.stderr
    assert "Deaf.stay: it was cancelled since its batch was stopped, and still ran 1 s later" in ended.stderr
    assert (
        "stay still ran 1 s after the end of the event loop had cancelled it, and is cut off. Let it end on "
        "asyncio.CancelledError: catch Exception, not BaseException"
    ) in ended.stderr
