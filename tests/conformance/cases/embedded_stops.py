"""Embedded: egress files and commits through crashes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from statefun_actors import Entity, handles, persisted
from statefun_actors.dispatch import Application
from statefun_actors.embedded import (
    AnswerLostError,
    Engine,
    EpochLostError,
    JsonLinesSink,
    ManualClock,
    MemoryStore,
    Ticket,
)
from statefun_actors.types import pack, value_of
from tests.conformance.cases.vocabulary import working
from tests.conformance.sections import EMBEDDED as E
from tests.embedded.engines import HeldStore


class Counter(Entity, typename="conf/counter"):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> int:
        self.n += message
        self.send_egress("conf/counts", self.n)
        return self.n


A = Counter.at("a")


async def counted(store: MemoryStore, path: Path, *numbers: int) -> None:
    """A run of an engine that writes its counts into the file."""
    app = Application(Counter)
    sink = JsonLinesSink(path, app.codecs())
    engine = Engine(app, store, ManualClock(), sinks={"conf/counts": sink})
    try:
        async with working(engine):
            for number in numbers:
                engine.submit(A, pack(number))
            await engine.idle()
    finally:
        sink.close()


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def text(path: Path) -> str:
    return path.read_text()


def lines(path: Path) -> list[object]:
    return [json.loads(line)["value"] for line in text(path).splitlines()]


@E.once("E11", "an egress file holds whole lines", "embedded")
async def whole_lines() -> None:
    with TemporaryDirectory() as folder:
        await counted(MemoryStore(), path := Path(folder, "out.jsonl"), 1, 1, 1)
        assert text(path).endswith("\n")
        assert lines(path) == [1, 2, 3]


@E.once("E12", "after a crash a file sink is cut back to the last committed offset before it goes on", "embedded")
async def cut_back() -> None:
    store = MemoryStore()
    with TemporaryDirectory() as folder:
        await counted(store, path := Path(folder, "out.jsonl"), 1)
        # What a crash left of records that were never marked as written:
        append(path, '{"type":"io.statefun.types/long","value":2}\n{"type":"io.sta')
        await counted(store, path, 1)
        assert lines(path) == [1, 2]


@E.once(
    "E13",
    "a failed commit is a crash without a restart: what is open is dropped and rebuilt from the store",
    "embedded",
)
async def failed_commit() -> None:
    store = HeldStore()
    engine = Engine(Application(Counter), store, ManualClock())
    async with working(engine):
        engine.submit(A, pack(5))
        await engine.durable()
        store.fail = True
        engine.submit(A, pack(7))
        with pytest.raises(EpochLostError):
            await engine.durable()
        store.fail = False
        await engine.idle()
        engine.submit(A, pack(1))
        await engine.durable()
        assert value_of(engine.state(A)["n"]) == 6  # type: ignore[arg-type]


@E.once("E14", "then nothing acknowledged is lost, and nobody is told of what never happened", "embedded")
async def acknowledged() -> None:
    store, engine = (held := HeldStore()), Engine(Application(Counter), held, ManualClock())
    replies: list[object] = []
    lost: list[EpochLostError | AnswerLostError] = []
    gone = asyncio.Event()
    async with working(engine):
        engine.submit(A, pack(5), ticket=Ticket(lambda value: replies.append(value_of(value))))
        await engine.idle()
        store.fail = True
        engine.submit(A, pack(5), ticket=Ticket(lambda value: replies.append(value_of(value)), on_lost=lost.append))
        engine.submit(A, pack(5), ticket=Ticket(on_lost=lambda _: gone.set()))
        await gone.wait()
        store.fail = False
        await engine.idle()
        assert (replies, len(lost)) == ([5], 1)
        assert value_of(engine.state(A)["n"]) == 5  # type: ignore[arg-type]
        assert [value_of(record.value) for record in store.egress_after(0, 10)] == [5]
