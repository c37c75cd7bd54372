"""An application whose records go to a file, and runs of it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from statefun_actors import Entity, handles
from statefun_actors.connectors.files import JsonLinesSink
from statefun_actors.engine import Engine
from statefun_actors.store import MemoryStore
from statefun_actors.types import pack
from tests.engine.engines import running
from tests.engine.engines import send as post

OUT = "test/out"
LINE = 44
"""Bytes of a line for a number of one digit."""


class Sender(Entity, typename="test/sender"):
    @handles
    def send_out(self, message: int) -> None:
        self.send_egress(OUT, message)


class Desk:
    """A store and an egress file, and the engines that run on them one after another."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "logs" / "out.jsonl"
        self.store = MemoryStore()

    @asynccontextmanager
    async def engine(self) -> AsyncGenerator[Engine]:
        sink = JsonLinesSink(self.path)
        try:
            async with running(Sender, store=self.store, sinks={OUT: sink}) as engine:
                await engine.idle()
                yield engine
        finally:
            sink.close()

    @property
    def kept(self) -> int:
        return self.store.counts()["egress"]


async def send(engine: Engine, *numbers: int) -> None:
    """They are written, or the sink is failing."""
    for number in numbers:
        post(engine, Sender.at("a"), pack(number))
    await engine.idle()


def values(path: Path) -> list[object]:
    return [json.loads(line)["value"] for line in path.read_text().splitlines()]
