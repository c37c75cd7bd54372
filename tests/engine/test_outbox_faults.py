"""Commits fail, and engines are restarted: files, and receivers that drop repeats, have each record once, in order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from pathlib import Path

import pytest

from statefun_actors import Entity, handles, persisted
from statefun_actors.connectors.files import JsonLinesSink
from statefun_actors.engine import EgressQueue, EpochLostError
from statefun_actors.store import Commit, MemoryStore, StoreError
from statefun_actors.types import pack, value_of
from tests.engine.engines import held, running, send, until

FILE, WIRE = "test/file", "test/wire"


class Teller(Entity, typename="test/teller"):
    reported: list[int] = persisted(factory=list)

    @handles(int)
    def tell(self, message: int) -> None:
        self.reported.append(message)
        self.send_egress(FILE, message)
        self.send_egress(WIRE, message)


class UnsteadyStore(MemoryStore):
    """Some commits take their time, some fail."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance
        self.failed = 0
        self.steady = False

    async def commit(self, commit: Commit) -> None:
        for _ in range(self._chance.randrange(4)):
            await asyncio.sleep(0)
        if not self.steady and self._chance.random() < 0.25:
            self.failed += 1
            raise StoreError("test", "the disk is full")
        await super().commit(commit)


class Wire:
    """Sends one record after another to a receiver that drops those whose number it has seen; breaks now and then."""

    def __init__(self, chance: random.Random, received: dict[int, object]) -> None:
        self._chance, self._received = chance, received
        self.repeats = 0

    def resume(self, position: str | None) -> str | None:
        return None

    async def run(self, outlet: EgressQueue) -> None:
        while True:
            for record in await outlet.take(self._chance.randrange(1, 5)):
                for _ in range(self._chance.randrange(3)):
                    await asyncio.sleep(0)
                self.repeats += record.seq in self._received
                self._received.setdefault(record.seq, value_of(record.value))
                if self._chance.random() < 0.02:
                    raise ConnectionError("it broke")
                outlet.done([record])


@pytest.mark.parametrize("seed", range(10))
async def test_each_durable_record_is_there_once_and_in_order(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    store, path, received = UnsteadyStore(chance), tmp_path / "out.jsonl", dict[int, object]()
    reported: object = []
    repeats = number = 0
    for _ in range(4):
        file, wire = JsonLinesSink(path), Wire(chance, received)
        async with running(Teller, store=store, sinks={FILE: file, WIRE: wire}) as engine:
            for _ in range(40):
                number += 1
                await until(lambda engine=engine: engine.view.lost is None)  # type: ignore[misc]
                send(engine, Teller.at("a"), pack(number))
                if chance.random() < 0.5:
                    with contextlib.suppress(EpochLostError):
                        await engine.durable()
        file.close()
        repeats += wire.repeats
    store.steady = True
    file, wire = JsonLinesSink(path), Wire(random.Random(0), received)
    async with running(Teller, store=store, sinks={FILE: file, WIRE: wire}) as engine:
        while store.counts()["egress"]:
            await engine.idle()
            await asyncio.sleep(0.001)  # a sink that broke comes back after a pause of its own
        reported = held(engine, Teller.at("a"), "reported")
    file.close()

    assert isinstance(reported, list)
    assert store.failed > 0
    assert repeats > 0
    assert len(reported) > 40
    assert [json.loads(line)["value"] for line in path.read_text().splitlines()] == reported
    assert [received[seq] for seq in sorted(received)] == reported
    assert list(received.values()) == reported
