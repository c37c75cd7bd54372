"""A process ends although a handler catches everything, or runs in a thread for ever."""

from __future__ import annotations

import subprocess
import sys

import pytest

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


STUCK = """
import asyncio
import logging
import threading
from datetime import timedelta
from statefun_actors import AsyncRuntime, Entity, Runtime, handles
from statefun_actors.runtime import async_runtime

logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
async_runtime._DRAIN_SECONDS = 0
entered = threading.Event()

class Stuck(Entity, typename="test/stuck"):
    @handles(blocking=True{timeout})
    def stay(self, message: int) -> None:
        entered.set()
        threading.Event().wait()

async def main():
    async with AsyncRuntime(Stuck) as runtime:
        await runtime.tell(Stuck.at("a"), 1)
        assert await asyncio.to_thread(entered.wait, 30)
    print("left")

if {is_async}:
    asyncio.run(main())
else:
    with Runtime(Stuck) as runtime:
        runtime.tell(Stuck.at("a"), 1)
        assert entered.wait(30)
    print("left")
print("over")
"""


@pytest.mark.parametrize(("is_async", "timeout"), [(True, ""), (False, ""), (True, ", timeout=timedelta(hours=1)")])
def test_a_process_ends_although_the_thread_of_a_handler_does_not(is_async: bool, timeout: str) -> None:
    program = STUCK.format(is_async=is_async, timeout=timeout)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, ended.stdout) == (0, "left\nover\n"), ended.stderr
    assert ended.stderr == (
        "WARNING statefun_actors.engine: test/stuck/a: its handler does not end; its messages are handled again at the "
        "next start\n"
    )
