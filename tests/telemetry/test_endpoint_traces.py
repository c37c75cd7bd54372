"""Traces of an endpoint for Flink: a span per message; the protocol carries no headers."""

from __future__ import annotations

import httpx

from statefun_actors import Address, Entity, RequestReplyHandler, create_app, handles
from statefun_actors.dispatch import Application, dispatch, dispatcher
from tests.http.serving import request
from tests.telemetry.spans import SPAN, TRACE, TRACEPARENT, Spans, ids, parent
from tests.telemetry.test_metrics import client

_OCTETS = {"Content-Type": "application/octet-stream"}


class Relay(Entity, typename="traced/relay"):
    @handles(int)
    def go(self, message: int) -> None:
        self.send(Address("traced/other", "x"), message)

    @handles(str)
    async def wait(self, message: str) -> None:
        self.send(Address("traced/other", "x"), message)


def batch(*messages: object) -> bytes:
    return request(Relay.at("ada"), *messages)


async def post(app: httpx.AsyncClient, data: bytes, **headers: str) -> bytes:
    answer = await app.post("/statefun", content=data, headers={**_OCTETS, **headers})
    assert answer.status_code == 200
    return answer.content


async def test_each_message_of_a_batch_has_a_span_with_the_request_as_its_parent() -> None:
    spans = Spans()
    async with client(create_app(Relay, instruments=[spans.traces()])) as app, client(create_app(Relay)) as plain:
        traced = await post(app, batch(1, 2), traceparent=TRACEPARENT)
        assert traced == await post(plain, batch(1, 2))
    assert [parent(span) for span in spans.all_of("Relay.go")] == [(TRACE, SPAN)] * 2


async def test_without_a_traceparent_each_message_starts_a_trace() -> None:
    spans = Spans()
    async with client(create_app(Relay, instruments=[spans.traces()])) as app:
        await post(app, batch(1, "a"))
        await post(app, batch("b"))
    assert [parent(span) for span in spans.ended] == [None] * 3
    assert len({ids(span)[0] for span in spans.ended}) == 3


def test_the_handler_of_other_frameworks_continues_the_current_span() -> None:
    spans = Spans()
    handler = RequestReplyHandler(Relay, instruments=[spans.traces()])
    with spans.tracer.start_as_current_span("request") as calling:
        handler(batch(1))
        handler(batch("a"))
    caller = calling.get_span_context()
    for name in ("Relay.go", "Relay.wait"):
        assert parent(spans.of(name)) == (caller.trace_id, caller.span_id)


def test_without_instruments_the_bare_dispatch_runs() -> None:
    app = Application(Relay)
    assert dispatcher(app) is dispatch
    assert dispatcher(app, keeps_headers=True) is dispatch
