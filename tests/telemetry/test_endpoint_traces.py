"""Traces of an endpoint for Flink: a span per message, which continues the trace in its metadata or of its request."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import httpx

from statefun_actors import Address, Entity, RequestReplyHandler, asking, create_app, handles, kafka_record
from statefun_actors.dispatch import Application, dispatch, dispatcher
from statefun_actors.model import Batch, Headers, Invocation
from statefun_actors.testing.wires.requests import request_2x, request_3x
from statefun_actors.types import pack
from statefun_actors.wire import in_2x, v3_pb2
from tests.http.serving import request
from tests.telemetry.spans import SPAN, TRACE, TRACEPARENT, Spans, ids, parent
from tests.telemetry.test_metrics import client
from tests.telemetry.test_traces_from_outside import Kept

_OCTETS = {"Content-Type": "application/octet-stream"}


class Relay(Entity, typename="traced/relay"):
    @handles(int)
    def go(self, message: int) -> None:
        self.send(Address("traced/other", "x"), message)

    @handles(str)
    async def wait(self, message: str) -> None:
        self.send(Address("traced/other", "x"), message)

    @handles(bytes)
    def all(self, message: bytes) -> None:
        other = Address("traced/other", "x")
        self.send(other, message)
        self.send_after(timedelta(seconds=1), other, message)
        self.send_egress("traced/out", kafka_record(topic="t", value=b"v"))


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
        sent = v3_pb2.FromFunction.FromString(traced)
        for message in sent.invocation_result.outgoing_messages:
            del message.argument.metadata[:]
        assert sent.SerializeToString() == await post(plain, batch(1, 2))
    assert [parent(span) for span in spans.all_of("Relay.go")] == [(TRACE, SPAN)] * 2


async def test_without_a_traceparent_each_message_starts_a_trace() -> None:
    spans = Spans()
    async with client(create_app(Relay, instruments=[spans.traces()])) as app:
        await post(app, batch(1, "a"))
        await post(app, batch("b"))
    assert [parent(span) for span in spans.ended] == [None] * 3
    assert len({ids(span)[0] for span in spans.ended}) == 3


def with_headers(*each: Headers | None) -> bytes:
    """A request with a message for each of these headers, by which Flink forwards those of Kafka records."""
    return request_3x(Batch(Relay.at("ada"), {}, [Invocation(pack(1), None, headers) for headers in each]))


async def test_a_message_with_a_trace_of_its_own_continues_that_and_not_the_one_of_the_request() -> None:
    spans, kept = Spans(), Kept()
    own = {"traceparent": f"00-{5:032x}-{6:016x}-01", "language": "en"}
    async with client(create_app(Relay, instruments=[spans.traces(), kept])) as app:
        data = with_headers(own, {"language": "en"}, None)
        await post(app, data, traceparent=TRACEPARENT, tracestate="vendor=1")
        await post(app, with_headers(own, None))
    assert [parent(span) for span in spans.all_of("Relay.go")] == [(5, 6), (TRACE, SPAN), (TRACE, SPAN), (5, 6), None]
    of_request = {"traceparent": TRACEPARENT, "tracestate": "vendor=1"}
    assert kept.headers == [own, {"language": "en", **of_request}, of_request, own, {}]


def test_a_message_with_a_trace_of_its_own_does_not_continue_the_current_span() -> None:
    spans = Spans()
    handler = RequestReplyHandler(Relay, instruments=[spans.traces()])
    with spans.tracer.start_as_current_span("request") as calling:
        handler(with_headers({"traceparent": TRACEPARENT}, None))
    caller = calling.get_span_context()
    assert [parent(span) for span in spans.all_of("Relay.go")] == [(TRACE, SPAN), (caller.trace_id, caller.span_id)]


def test_a_message_out_of_the_envelope_of_a_gateway_keeps_its_headers() -> None:
    spans = Spans()
    handler = RequestReplyHandler(Relay, instruments=[spans.traces()])
    sent = pack(1)
    envelope = asking.request(asking.Request((sent.typename, sent.value)))
    handler(request_3x(Batch(Relay.at("ada"), {}, [Invocation(envelope, None, {"traceparent": TRACEPARENT})])))
    assert parent(spans.of("Relay.go")) == (TRACE, SPAN)


def test_messages_and_kafka_records_that_a_handler_sends_carry_its_span() -> None:
    spans = Spans()
    handler = RequestReplyHandler(Relay, instruments=[spans.traces()])
    result = v3_pb2.FromFunction.FromString(handler(batch(1, b"all"))).invocation_result
    first, second = (f"00-{trace:032x}-{span:016x}" for trace, span in map(ids, spans.ended))
    [message, last] = result.outgoing_messages
    [delayed] = result.delayed_invocations
    [egress] = result.outgoing_egresses
    record = v3_pb2.KafkaProducerRecord.FromString(egress.argument.value)
    assert (record.topic, record.value_bytes, list(egress.argument.metadata)) == ("t", b"v", [])
    assert [carried(message.argument.metadata), carried(last.argument.metadata)] == [first, second]
    assert [carried(delayed.argument.metadata), carried(record.headers)] == [second, second]


def carried(
    headers: Iterable[v3_pb2.TypedValue.Metadata] | Iterable[v3_pb2.KafkaProducerRecord.Header],
) -> str:
    """The only header, the trace, without its flags."""
    [(name, value, has_value)] = [(each.key, each.value, each.has_value) for each in headers]
    assert (name, has_value) == ("traceparent", True)
    return value.decode().rpartition("-")[0]


def test_2x_has_no_place_for_the_trace() -> None:
    data = request_2x(Batch(Relay.at("ada"), {}, [Invocation(in_2x(pack(1)))]))
    traced = RequestReplyHandler(Relay, protocol=2, instruments=[Spans().traces()])
    assert traced(data) == RequestReplyHandler(Relay, protocol=2)(data)


def test_an_instrument_that_adds_no_headers_changes_no_reply() -> None:
    observed = RequestReplyHandler(Relay, instruments=[Kept()])
    assert observed(batch(1, b"all")) == RequestReplyHandler(Relay)(batch(1, b"all"))


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
