"""The engine's promises to sinks: durable records, in order, retried until they are written."""

from __future__ import annotations

import asyncio

import pytest

from statefun_actors.engine import EgressQueue, EpochLostError, ManualClock
from statefun_actors.engine.egress_window import WINDOW, WINDOW_BYTES
from statefun_actors.store import Commit, EgressRecord, MemoryStore
from statefun_actors.types import pack, value_of
from tests.engine.engines import HeldStore, failing_egress, running, send, until
from tests.engine.sinks import OUT, ListSink, Teller


async def keep(store: MemoryStore, *numbers: int) -> None:
    """As a run without a sink would."""
    next_seq = store.recover().next_seq
    records = [EgressRecord(next_seq + n, OUT, pack(number)) for n, number in enumerate(numbers)]
    await store.commit(Commit(egress=records, next_seq=next_seq + len(records)))


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
        failing = failing_egress(engine)
        sink.broken = None
        await until(lambda: len(sink.written) == 3)

        assert failing == {OUT: "nobody there"}
        assert sink.values == [1, 2, 3]
        assert sink.runs >= 2
        assert failing_egress(engine) == {}
        assert [record.getMessage() for record in caplog.records] == [
            f"egress {OUT} can't be written, its records are kept: nobody there",
            f"egress {OUT} is written again, and nothing is left",
        ]


async def test_the_time_of_the_first_failure_stays_until_the_sink_has_written() -> None:
    clock, sink = ManualClock(), ListSink()
    async with running(Teller, clock=clock, sinks={OUT: sink}) as engine:
        sink.broken = ConnectionError("nobody there")
        send(engine, Teller.at("a"), pack(1))
        await until(lambda: engine.view.failing_egress)
        assert engine.notices() == [f"egress {OUT} can't be written since 2026-01-01T00:00:00Z: nobody there"]
        clock.set_ms(clock.now_ms() + 90_000)
        sink.broken, runs = ConnectionError("still nobody"), sink.runs
        await until(lambda: sink.runs > runs and "still" in failing_egress(engine)[OUT])
        assert engine.notices() == [f"egress {OUT} can't be written since 2026-01-01T00:00:00Z: still nobody"]

        sink.broken = None
        await until(lambda: sink.values == [1])
        await until(lambda: engine.notices() == [])
        sink.broken = ConnectionError("gone again")
        send(engine, Teller.at("a"), pack(2))
        await until(lambda: engine.view.failing_egress)
        assert engine.notices() == [f"egress {OUT} can't be written since 2026-01-01T00:01:30Z: gone again"]


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
