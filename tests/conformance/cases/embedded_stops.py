"""Embedded: egress files and commits through crashes."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import pytest

from statefun_actors import Entity, handles, persisted
from statefun_actors.connectors.files import JsonLinesSink
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, EpochLostError, ManualClock
from statefun_actors.ingress import Answer, IngressMessage, NotTaken, Replied, Wait
from statefun_actors.store import Commit, EgressRecord, MemoryStore
from statefun_actors.types import pack, value_of
from tests.conformance.cases.vocabulary import working
from tests.conformance.sections import EMBEDDED as E
from tests.engine.engines import HeldStore, send, until


class Counter(Entity, typename="conf/counter"):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> int:
        self.n += message
        self.send_egress("conf/counts", self.n)
        return self.n


class Sum(Entity, typename="conf/sum"):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.n += message


class Relay(Entity, typename="conf/relay"):
    """Has every effect. Fails on 13 until the test repairs it."""

    cured: ClassVar[bool] = False
    n: int = persisted(default=0)

    @handles(int)
    def pass_on(self, message: int) -> None:
        self.n += message
        self.send(SUM, message)
        self.send_after(timedelta(minutes=1), SUM, message)
        self.send_egress("conf/relayed", message)
        if message == 13 and not Relay.cured:
            raise ValueError("thirteen")


A = Counter.at("a")
SUM, RELAY, OTHER_RELAY = Sum.at("a"), Relay.at("a"), Relay.at("b")


async def counted(store: MemoryStore, path: Path, *numbers: int) -> None:
    """A run of an engine that writes its counts into the file."""
    app = Application(Counter)
    sink = JsonLinesSink(path, app.codecs())
    engine = Engine(app, store, ManualClock(), sinks={"conf/counts": sink})
    try:
        async with working(engine):
            for number in numbers:
                send(engine, A, pack(number))
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
        # A crash left two records that the store does not know to be written, one of them in part:
        seq = store.recover().next_seq
        kept = [EgressRecord(seq, "conf/counts", pack(2)), EgressRecord(seq + 1, "conf/counts", pack(3))]
        await store.commit(Commit(egress=kept, next_seq=seq + 2))
        append(path, '{"type":"io.statefun.types/long","value":2}\n{"type":"io.sta')
        await counted(store, path, 3)
        assert lines(path) == [1, 2, 3, 4]


@E.once(
    "E13",
    "a failed commit is a crash without a restart: what is open is dropped and rebuilt from the store",
    "embedded",
)
async def failed_commit() -> None:
    Relay.cured = False
    store, clock = HeldStore(), ManualClock()
    engine = Engine(Application(Relay, Sum), store, clock)
    async with working(engine):
        for number in (5, 13, 4):  # 13 fails, and 4 waits behind it
            send(engine, RELAY, pack(number))
        await until(lambda: contents(engine, store)[3] == [13, 4])
        stored = contents(engine, store)
        store.fail = True
        send(engine, OTHER_RELAY, pack(7))
        send(engine, SUM, pack(100))
        with pytest.raises(EpochLostError):
            await engine.durable()
        store.fail = False
        await until(lambda: contents(engine, store) == stored)
        assert stored[:3] == ({"relay": 5, "sum": 5}, [5], [5])

        Relay.cured = True
        clock.set_ms(clock.now_ms() + 60_000)
        await engine.idle()
        await engine.durable()
        expected = {"relay": 5 + 13 + 4, "sum": 5 + 13 + 4 + 5}  # the delayed 5 is due by now
        assert contents(engine, store) == (expected, [13, 4], [5, 13, 4], [])


def contents(engine: Engine, store: MemoryStore) -> tuple[dict[str, object], list[object], list[object], list[object]]:
    """States, delayed messages, records of Relay, and messages that wait."""
    held = {
        "relay": engine.view.state(RELAY)["n"],
        "sum": engine.view.state(SUM)["n"],
        "other": engine.view.state(OTHER_RELAY)["n"],
    }
    return (
        {name: value_of(value) for name, value in held.items() if value is not None},
        [value_of(timer.value) for timer in store.timers_after(-1, 0, 10)],
        [value_of(record.value) for record in store.egress_after(0, 10, ["conf/relayed"])],
        [value_of(message.value) for message in store.messages()],
    )


@E.once("E14", "then nothing acknowledged is lost, and nobody is told of what never happened", "embedded")
async def acknowledged() -> None:
    store, engine = (held := HeldStore()), Engine(Application(Counter), held, ManualClock())
    answers: list[Answer] = []
    async with working(engine):
        engine.take(IngressMessage(A, pack(5), wait=Wait.REPLY), answers.append)
        await engine.idle()
        store.fail = True
        engine.take(IngressMessage(A, pack(5), wait=Wait.REPLY), answers.append)
        engine.take(IngressMessage(A, pack(5)), answers.append)
        await until(lambda: len(answers) == 3)
        store.fail = False
        await engine.idle()
        assert answers[0] == Replied(pack(5))
        assert [type(answer) for answer in answers[1:]] == [NotTaken, NotTaken]
        assert value_of(engine.view.state(A)["n"]) == 5  # type: ignore[arg-type]
        assert [value_of(record.value) for record in store.egress_after(0, 10)] == [5]
