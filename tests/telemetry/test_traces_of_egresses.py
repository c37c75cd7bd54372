"""Records that a handler sends to an egress have the trace of its message."""

from __future__ import annotations

import asyncio
from pathlib import Path

from statefun_actors import AsyncRuntime, Entity, Runtime, handles, kafka_record
from statefun_actors.connectors.http import REFUSED_RECORDS
from statefun_actors.engine import Sink
from statefun_actors.engine.egress_queue import EgressQueue
from statefun_actors.store import EgressRecord
from statefun_actors.store.sqlite import SqliteStore
from tests.connectors.receiver import Post, Receiver, answer
from tests.engine.engines import until
from tests.telemetry.spans import Spans, ids

OUT = "traced/out"


class Sender(Entity, typename="traced/sender"):
    @handles(int)
    def send_out(self, message: int) -> int:
        self.send_egress(OUT, message)
        self.send_egress("traced/kafka", kafka_record(topic="t", key=self.id, value="v"))
        return message


def traceparent(spans: Spans) -> str:
    ended = spans.of("Sender.send_out")
    assert ended.context is not None
    (trace, span), flags = ids(ended), ended.context.trace_flags
    return f"00-{trace:032x}-{span:016x}-0{flags:x}"


async def test_the_request_with_a_record_has_the_traceparent_of_the_handler() -> None:
    spans = Spans()
    async with Receiver() as receiver:
        options = {OUT: receiver.url}
        async with AsyncRuntime(Sender, egress=options, instruments=[spans.traces()]) as runtime:
            await runtime.tell(Sender.at("ada"), 1)
            await until(lambda: receiver.posts)
    (post,) = receiver.posts
    assert post.headers["traceparent"] == traceparent(spans)
    assert post.headers["content-type"] == "application/json"
    assert post.headers["statefun-egress"] == OUT


async def test_the_store_keeps_the_traceparent_of_a_record_through_a_restart(tmp_path: Path) -> None:
    path, spans = tmp_path / "db", Spans()
    async with AsyncRuntime(Sender, store=path, instruments=[spans.traces()]) as runtime:
        await runtime.ask(Sender.at("ada"), 1)

    kept, other = Kept(), Kept()
    async with AsyncRuntime(Sender, store=path, egress={OUT: kept, "traced/kafka": other}):
        await until(lambda: kept.records and other.records)
    assert [dict(record.headers or {}) for record in (*kept.records, *other.records)] == [
        {"traceparent": traceparent(spans)}
    ] * 2


def test_records_have_no_headers_without_traces(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with Runtime(Sender, store=path) as runtime:
        runtime.ask(Sender.at("ada"), 1)
    store = SqliteStore(path)
    assert [record.headers for record in store.egress_after(0, 10)] == [None, None]
    store.close()


async def test_a_refused_record_keeps_its_trace() -> None:
    spans, kept = Spans(), Kept()

    async def refuse(_: Post) -> bytes:
        return answer(422)

    async with Receiver(refuse) as receiver:
        sinks: dict[str, Sink | str] = {OUT: receiver.url, REFUSED_RECORDS: kept}
        async with AsyncRuntime(Sender, egress=sinks, instruments=[spans.traces()]) as runtime:
            await runtime.tell(Sender.at("ada"), 1)
            await until(lambda: kept.records)
    (record,) = kept.records
    assert record.headers == {"traceparent": traceparent(spans)}


class Kept:
    """A sink that keeps the records."""

    def __init__(self) -> None:
        self.records: list[EgressRecord] = []

    def resume(self, position: str | None) -> str | None:
        return None

    async def run(self, queue: EgressQueue, /) -> None:
        while True:
            records = await queue.take()
            self.records += records
            queue.done(records)
            await asyncio.sleep(0)
