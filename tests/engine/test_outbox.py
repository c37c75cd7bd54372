"""The engine's promises to sinks: durable records, in order, retried until they are written."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from statefun_actors import Entity, handles, persisted
from statefun_actors.connectors.files import JsonLinesSink
from statefun_actors.engine import EgressQueue, EngineOptions, EpochLostError, Sink, Source
from statefun_actors.engine.egress_queue import WINDOW, WINDOW_BYTES
from statefun_actors.ingress import Answer, IngressMessage, NotTaken, Taken
from statefun_actors.store import Commit, EgressRecord, MemoryStore
from statefun_actors.types import pack, value_of
from tests.engine.engines import HeldStore, held, running, send, until

OUT = "test/out"


class Teller(Entity, typename="test/teller"):
    n: int = persisted(default=0)

    @handles(int)
    def tell(self, message: int) -> None:
        self.n += 1
        self.send_egress(OUT, message)

    @handles(str)
    def tell_another(self, message: str) -> None:
        self.send_egress("test/other", message)

    @handles(bytes)
    def tell_much(self, message: bytes) -> None:
        self.send_egress(OUT, message)


class ListSink:
    """Appends records to a list, one after another, while it is open and not broken."""

    def __init__(self, *, begins: str | None = None, open: bool = True) -> None:
        self.written: list[EgressRecord] = []
        self.resumed: list[str | None] = []
        self.broken: Exception | None = None
        self.runs = 0
        self.most_held = 0
        self.open = asyncio.Event()
        if open:
            self.open.set()
        self._begins = begins

    def resume(self, position: str | None) -> str | None:
        self.resumed.append(position)
        return self._begins if position is None else None

    async def run(self, outlet: EgressQueue) -> None:
        self.runs += 1
        while True:
            records = await outlet.take()
            self.most_held = max(self.most_held, len(records))
            for record in records:
                await self.open.wait()
                if self.broken is not None:
                    raise self.broken
                self.written.append(record)
                outlet.done([record], f"after {record.seq}")

    @property
    def values(self) -> list[object]:
        return [value_of(record.value) for record in self.written]


async def keep(store: MemoryStore, *numbers: int) -> None:
    """As a run without a sink would."""
    next_seq = store.recover().next_seq
    records = [EgressRecord(next_seq + n, OUT, pack(number)) for n, number in enumerate(numbers)]
    await store.commit(Commit(egress=records, next_seq=next_seq + len(records)))


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


async def test_stored_records_and_those_beyond_a_full_window_are_written_in_order() -> None:
    store, sink = MemoryStore(), ListSink(open=False)
    await keep(store, *range(2 * WINDOW + 7))
    async with running(Teller, store=store, sinks={OUT: sink}) as engine:
        for number in range(2 * WINDOW + 7, 4 * WINDOW):
            send(engine, Teller.at(str(number % 7)), pack(number))
        await until(lambda: not engine.view.waiting)
        await engine.durable()
        sink.open.set()
        await engine.idle()

        assert [record.seq for record in sink.written] == sorted(record.seq for record in sink.written)
        assert sorted(map(int, map(str, sink.values))) == list(range(4 * WINDOW))
        assert sink.most_held == WINDOW
        assert store.counts()["egress"] == 0


async def test_large_records_fill_the_window_by_their_bytes() -> None:
    store, sink = MemoryStore(), ListSink()
    size = WINDOW_BYTES // 8
    await keep(store, 0)
    next_seq = store.recover().next_seq
    large = [EgressRecord(next_seq + n, OUT, pack(b"%d" % n * size)) for n in range(40)]
    await store.commit(Commit(egress=large, next_seq=next_seq + 40))
    sink.open.clear()
    async with running(Teller, store=store, sinks={OUT: sink}) as engine:
        await until(lambda: sink.most_held)
        sink.open.set()
        await engine.idle()

        assert [record.value for record in sink.written[1:]] == [record.value for record in large]


async def test_a_sink_that_fails_is_run_again_and_gets_what_was_not_through_in_order(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = ListSink()
    async with running(Teller, sinks={OUT: sink}) as engine:
        sink.broken = ConnectionError("nobody there")
        for number in (1, 2, 3):
            send(engine, Teller.at("a"), pack(number))
        await engine.idle()
        failing = dict(engine.view.failing_egress)
        sink.broken = None
        await until(lambda: len(sink.written) == 3)

        assert failing == {OUT: "nobody there"}
        assert sink.values == [1, 2, 3]
        assert sink.runs >= 2
        assert engine.view.failing_egress == {}
        assert [record.getMessage() for record in caplog.records] == [
            f"egress {OUT} can't be written, its records are kept: nobody there",
            f"egress {OUT} is written again, and nothing is left",
        ]


async def test_where_a_sink_begins_is_durable_before_its_first_record_is_handed_over() -> None:
    store, sink = HeldStore(), ListSink(begins="here")
    await keep(store, 1)
    store.let_go.clear()
    async with running(Teller, store=store, sinks={OUT: sink}) as engine:
        await until(lambda: store.begun == 2)
        for _ in range(10):
            await asyncio.sleep(0)
        before = (list(sink.written), sink.runs)
        store.let_go.set()
        await engine.idle()

        assert before == ([], 0)
        assert sink.resumed == [None]
        assert sink.values == [1]


async def test_after_a_lost_commit_what_is_not_marked_through_is_handed_over_again_under_the_same_numbers() -> None:
    store, sink = HeldStore(), ListSink(open=False)
    async with running(Teller, store=store, sinks={OUT: sink}) as engine:
        send(engine, Teller.at("a"), pack(1))
        send(engine, Teller.at("a"), pack(2))
        await engine.durable()
        store.fail = True
        sink.open.set()
        await until(lambda: engine.view.error)
        store.fail = False
        await until(lambda: len(sink.resumed) == 2)
        await engine.idle()

        assert sink.values[-2:] == [1, 2]
        assert len(sink.written) > 2
        assert len({record.seq for record in sink.written}) == 2
        assert store.counts()["egress"] == 0


async def test_nothing_of_an_epoch_that_is_lost_reaches_a_sink() -> None:
    store, sink = HeldStore(), ListSink()
    async with running(Teller, store=store, sinks={OUT: sink}) as engine:
        await engine.idle()
        store.fail = True
        send(engine, Teller.at("a"), pack(1))
        with pytest.raises(EpochLostError):
            await engine.durable()
        store.fail = False
        await engine.idle()
        send(engine, Teller.at("a"), pack(2))
        await engine.idle()

        assert sink.values == [2]


class Refuser:
    """A sink that sends each record elsewhere."""

    def resume(self, position: str | None) -> str | None:
        return None

    async def run(self, outlet: EgressQueue) -> None:
        while True:
            for record in await outlet.take():
                outlet.done_as(record, "test/other", pack(f"not {value_of(record.value)}"))


async def test_a_record_that_never_gets_through_is_replaced_by_another_in_one_epoch() -> None:
    store, other = MemoryStore(), ListSink()
    async with running(Teller, store=store, sinks={OUT: Refuser(), "test/other": other}) as engine:
        send(engine, Teller.at("a"), pack(1))
        await engine.idle()

        assert other.values == ["not 1"]
        assert store.counts()["egress"] == 0


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


async def test_a_file_and_another_sink_each_keep_their_own_position(tmp_path: Path) -> None:
    file, sink, store = JsonLinesSink(tmp_path / "o.jsonl"), ListSink(), MemoryStore()
    async with running(Teller, store=store, sinks={OUT: file, "test/other": sink}) as engine:
        send(engine, Teller.at("a"), pack(1))
        send(engine, Teller.at("a"), pack("x"))
        await engine.idle()
    file.close()

    assert file.path.read_text() == '{"type":"io.statefun.types/long","value":1}\n'
    assert sink.values == ["x"]
    assert sorted(name for name in store.recover().positions if name.startswith("sink:")) == [
        "sink:test/other",
        f"sink:{OUT}",
    ]


async def test_a_sink_that_is_added_later_gets_the_records_from_then_on() -> None:
    first, second = ListSink(), ListSink()
    sinks: dict[str, Sink] = {"test/other": first}
    async with running(Teller, sinks=sinks) as engine:
        send(engine, Teller.at("t"), pack("one"))
        await engine.settled()
        sinks[OUT] = second
        for number in (1, 2, 3):
            send(engine, Teller.at("t"), pack(number))
        await engine.settled()

        assert engine.view.egress_kept == 0
    assert [value_of(record.value) for record in first.written] == ["one"]
    assert [value_of(record.value) for record in second.written] == [1, 2, 3]
    assert second.resumed == [None]


async def test_a_sink_that_is_added_before_the_first_commit_starts_with_the_others() -> None:
    first, second = ListSink(begins="0"), ListSink()
    sinks: dict[str, Sink] = {"test/other": first}
    async with running(Teller, sinks=sinks) as engine:
        sinks[OUT] = second
        for message in (1, "one"):
            send(engine, Teller.at("t"), pack(message))
        await engine.settled()

    assert [value_of(record.value) for record in first.written] == ["one"]
    assert [value_of(record.value) for record in second.written] == [1]
