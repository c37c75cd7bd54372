"""An application whose handlers wait until a test lets them go, requests to it, and what it noted."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from pathlib import Path

from statefun_actors import Address
from tests.http.serving import DEADLINE, Server, request

APP = """
import asyncio
import os
from pathlib import Path
from statefun_actors import Entity, handles, persisted

HERE = Path(__file__).parent


def note(text):
    with (HERE / "log").open("a") as log:
        log.write(text + chr(10))


async def came(name):
    while not (HERE / name).exists():
        await asyncio.sleep(0.005)


class Slow(Entity, typename="test/slow"):
    n: int = persisted(default=0)

    @handles(str)
    async def wait(self, message: str) -> None:
        note(f"begin {self.id} {message}")
        try:
            await came(f"go-{self.id}")
        finally:
            await came(f"clean-{self.id}")
            note(f"end {self.id} {message}")
        self.n += 1

    @handles(int)
    def add(self, message: int) -> None:
        note("handled")
        self.n += message

    @handles(bool, blocking=True)
    def block(self, message: bool) -> None:
        import time
        note("blocking")
        time.sleep(60)

    @handles(float)
    async def process(self, message: float) -> int:
        return os.getpid()

    @handles(bytes)
    async def forever(self, message: bytes) -> None:
        note("forever")
        await asyncio.Event().wait()
"""


def eventually(true: Callable[[], object], what: str) -> None:
    """Wait until it is true; the event happens in another process."""
    tick = threading.Event()
    for _ in range(int(DEADLINE * 100)):
        if true():
            return
        tick.wait(0.01)
    raise AssertionError(f"it never came to this: {what}")


def slow(id: str, message: object) -> bytes:
    return request(Address("test/slow", id), message, state={"n": None}, caller=Address("x/y", "z"))


def begun(server: Server, body: bytes) -> http.client.HTTPConnection:
    connection = server.connection()
    connection.request("POST", "/statefun", body)
    return connection


def lines(app: Path) -> list[str]:
    return (app.parent / "log").read_text(encoding="utf-8").splitlines()
