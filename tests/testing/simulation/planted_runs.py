"""Further entities that keep what two runs do not have in common: chance, clocks, hashes, the number of a process."""

from __future__ import annotations

import os
import random
import time
import uuid

from statefun_actors import Entity, handles, persisted
from statefun_actors.testing import TestRuntime
from tests.testing.simulation.planted import Start

# --- what two runs do not have in common


class Drawn(Entity, typename="planted/drawn"):
    number: float = persisted(default=0.0)

    @handles(Start)
    def start(self, _: Start) -> None:
        self.number = random.random()


class Identified(Entity, typename="planted/identified"):
    key: str = persisted(default="")

    @handles(Start)
    def start(self, _: Start) -> None:
        self.key = uuid.uuid4().hex


class Elapsing(Entity, typename="planted/elapsing"):
    began: int = persisted(default=0)

    @handles(Start)
    def start(self, _: Start) -> None:
        self.began = int(time.monotonic()) // 86_400


class LocalTime(Entity, typename="planted/local-time"):
    day: int = persisted(default=0)

    @handles(Start)
    def start(self, _: Start) -> None:
        self.day = time.localtime().tm_yday


class Formatted(Entity, typename="planted/formatted"):
    day: str = persisted(default="")

    @handles(Start)
    def start(self, _: Start) -> None:
        self.day = time.strftime("%Y-%m-%d")


class Hashed(Entity, typename="planted/hashed"):
    shard: int = persisted(default=0)

    @handles(Start)
    def start(self, _: Start) -> None:
        self.shard = hash(self.id) % 1_000


class Process(Entity, typename="planted/process"):
    number: int = persisted(default=0)

    @handles(Start)
    def start(self, _: Start) -> None:
        self.number = os.getpid()


async def hashed(runtime: TestRuntime) -> None:
    await runtime.tell(Hashed.at("x"), Start())


async def process(runtime: TestRuntime) -> None:
    await runtime.tell(Process.at("x"), Start())
