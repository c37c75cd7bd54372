"""Several sinks, and those that are added later: each has its own position."""

from __future__ import annotations

from pathlib import Path

from statefun_actors.connectors.files import JsonLinesSink
from statefun_actors.engine import Sink
from statefun_actors.store import MemoryStore
from statefun_actors.types import pack, value_of
from tests.engine.engines import running, send
from tests.engine.sinks import OUT, ListSink, Teller


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
