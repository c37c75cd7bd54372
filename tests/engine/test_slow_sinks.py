"""Sinks that are slow or far behind: what waits for them, and what does not."""

from __future__ import annotations

import asyncio

import pytest

from statefun_actors.engine import EngineOptions, Source
from statefun_actors.ingress import Answer, IngressMessage, NotTaken, Taken
from statefun_actors.store import MemoryStore
from statefun_actors.types import pack
from tests.engine.engines import held, running, send, until
from tests.engine.sinks import OUT, ListSink, Teller


async def test_a_sink_that_is_slow_holds_up_neither_the_actors_nor_another_sink() -> None:
    slow, quick, store = ListSink(open=False), ListSink(), MemoryStore()
    async with running(Teller, store=store, sinks={OUT: slow, "test/other": quick}) as engine:
        for number in range(5):
            send(engine, Teller.at("a"), pack(number))
        send(engine, Teller.at("a"), pack("word"))
        await engine.durable()
        await until(lambda: quick.written)

        assert held(engine, Teller.at("a"), "n") == 5
        assert quick.values == ["word"]
        assert slow.values == []

        slow.open.set()
        await engine.idle()

        assert slow.values == [0, 1, 2, 3, 4]
        assert store.counts()["egress"] == 0
        assert store.recover().positions[f"sink:{OUT}"] == f"after {slow.written[-1].seq}"


class Numbers:
    """An ingress of *count* numbers."""

    def __init__(self, count: int) -> None:
        self.count, self.read_so_far = count, 0

    @property
    def exhausted(self) -> bool:
        return self.read_so_far == self.count

    def resume(self, position: str | None) -> None:
        self.read_so_far = int(position or 0)

    def read(self, most: int, receiver: object) -> str | None:
        numbers = range(self.read_so_far, min(self.count, self.read_so_far + most))
        for number in numbers:
            receiver.submit(Teller.at("a"), pack(number))  # type: ignore[attr-defined]
        self.read_so_far += len(numbers)
        return str(self.read_so_far)


async def test_sources_are_read_at_the_pace_of_sinks_once_those_are_too_far_behind() -> None:
    sink, numbers, store = ListSink(open=False), Numbers(1_000), MemoryStore()
    source: Source = numbers
    options = EngineOptions(epoch_steps=10, egress_backlog=100)
    async with running(Teller, store=store, options=options, sources={"in": source}, sinks={OUT: sink}) as engine:
        await until(lambda: engine.view.egress_kept > 100 and not engine.view.waiting)
        await engine.durable()
        read, kept = numbers.read_so_far, store.counts()["egress"]
        sink.open.set()
        await engine.idle()

        assert 100 < read <= 130
        assert kept == read
        assert sink.values == list(range(1_000))


async def test_messages_from_outside_are_refused_while_sinks_are_too_far_behind() -> None:
    sink, answers = ListSink(open=False), list[Answer]()
    options = EngineOptions(egress_backlog=2)
    async with running(Teller, options=options, sinks={OUT: sink}) as engine:

        async def sent(number: int) -> Answer:
            reported = len(answers)
            engine.take(IngressMessage(Teller.at("a"), pack(number)), answers.append)
            await until(lambda: len(answers) > reported)
            return answers[-1]

        for number in range(3):
            assert await sent(number) == Taken()
        await until(lambda: not engine.view.waiting)
        refused = await sent(3)
        sink.open.set()
        await engine.idle()

        assert refused == NotTaken("3 egress records wait for their sinks")
        assert await sent(4) == Taken()
        await engine.idle()
        assert sink.values == [0, 1, 2, 4]


@pytest.mark.parametrize("drain", [0.0, 10.0])
async def test_a_stop_waits_for_sinks_no_longer_than_its_drain(drain: float) -> None:
    store, sink = MemoryStore(), ListSink(open=False)
    async with running(Teller, store=store, sinks={OUT: sink}) as engine:
        send(engine, Teller.at("a"), pack(1))
        await engine.durable()
        stopping = asyncio.create_task(engine.stop(drain=drain))
        await stopping
        if drain:
            sink.open.set()

    assert sink.values == ([1] if drain else [])
    assert store.counts()["egress"] == (0 if drain else 1)
