"""Messages from outside continue the trace of their sender: of HTTP requests, Kafka records and calls of a program."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from statefun_actors import AsyncRuntime, Entity, Instrument, Runtime, handles
from statefun_actors.dispatch import HandlerStarted
from statefun_actors.model import Headers
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack
from tests.engine.engines import inbox_of, until
from tests.telemetry.spans import SPAN, TRACE, TRACEPARENT, Spans, parent


class Kept(Instrument):
    """Keeps the headers of messages."""

    def __init__(self) -> None:
        self.headers: list[Headers] = []

    def handler_started(self, event: HandlerStarted) -> None:
        self.headers.append(event.invocation.headers or {})


class Plain(Entity, typename="traced/plain"):
    @handles(int)
    def add(self, message: int) -> int:
        return message


async def test_http_requests_give_their_trace_to_messages(tmp_path: Path) -> None:
    spans = Spans()
    async with AsyncRuntime(Plain, store=tmp_path / "db", bind="127.0.0.1:0", instruments=[spans.traces()]) as runtime:
        headers = {"traceparent": TRACEPARENT, "tracestate": "vendor=1"}
        async with httpx.AsyncClient(base_url=runtime.urls[0], headers=headers) as http:
            one = await http.post("/ingress/traced/plain/ada?wait=60s", json=1)
            lines = b'{"to": "traced/plain/bob", "value": 1}\n{"to": "traced/plain/bob", "value": 2}\n'
            many = await http.post("/ingress", content=lines, headers={"content-type": "application/jsonl"})
        assert (one.status_code, many.status_code, many.text) == (200, 202, "")
        await until(lambda: len(spans.all_of("Plain.add")) == 3)
    for span in spans.ended:
        assert parent(span) == (TRACE, SPAN)
        assert span.context is not None
        assert span.context.trace_state.get("vendor") == "1"


async def test_a_malformed_traceparent_starts_a_new_trace() -> None:
    spans = Spans()
    headers = {b"traceparent": b"00-\xe9-1"}
    async with (
        AsyncRuntime(Plain, bind="127.0.0.1:0", instruments=[spans.traces()]) as runtime,
        httpx.AsyncClient(base_url=runtime.urls[0], headers=headers) as http,
    ):
        answer = await http.post("/ingress/traced/plain/ada?wait=60s", json=1)
    assert answer.json() == 1
    assert parent(spans.of("Plain.add")) is None


async def test_headers_longer_than_propagators_read_are_neither_kept_nor_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    spans, kept = Spans(), Kept()
    headers = {"traceparent": TRACEPARENT, "tracestate": "a=" + "b" * 8_191, "baggage": "é" * 8_193}
    raw = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    async with (
        AsyncRuntime(Plain, bind="127.0.0.1:0", instruments=[spans.traces(), kept]) as runtime,
        httpx.AsyncClient(base_url=runtime.urls[0], headers=raw) as http,
    ):
        assert (await http.post("/ingress/traced/plain/ada?wait=60s", json=1)).json() == 1
        longest = {b"tracestate": b"a=" + b"b" * 256 + b",c=d" * 1_983, b"baggage": b"a=" + b"b" * 4_094}
        assert (await http.post("/ingress/traced/plain/ada?wait=60s", json=1, headers=longest)).json() == 1
    first, second = kept.headers
    assert first == {"traceparent": TRACEPARENT}
    assert {name: len(value) for name, value in second.items()} == {
        "traceparent": 55,
        "tracestate": 8_190,
        "baggage": 4_096,
    }
    assert [parent(span) for span in spans.all_of("Plain.add")] == [(TRACE, SPAN)] * 2
    assert [record for record in caplog.records if record.name.startswith("opentelemetry")] == []


def test_the_blocking_runtime_takes_the_span_of_its_calling_thread() -> None:
    spans = Spans()
    with (
        Runtime(Plain, instruments=[spans.traces()]) as runtime,
        spans.tracer.start_as_current_span("script") as script,
    ):
        assert runtime.ask(Plain.at("ada"), 1) == 1
    caller = script.get_span_context()
    assert parent(spans.of("Plain.add")) == (caller.trace_id, caller.span_id)


async def test_the_headers_of_a_record_give_its_trace_to_its_message() -> None:
    spans = Spans()
    async with TestRuntime(Plain, instruments=[spans.traces()]) as runtime:
        headers = {"traceparent": TRACEPARENT, "other": "kept"}  # as the Kafka source passes them on
        inbox_of(runtime.engine).submit(Plain.at("ada"), pack(1), headers=headers)
        inbox_of(runtime.engine).submit(Plain.at("bob"), pack(1), headers=headers, delay_ms=1)
        runtime.engine.wake()
        await runtime.run_until_idle(fire_timers=True)
    assert [parent(span) for span in spans.all_of("Plain.add")] == [(TRACE, SPAN)] * 2
