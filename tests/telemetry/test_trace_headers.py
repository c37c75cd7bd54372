"""Headers of traces are read and written as OpenTelemetry's own propagators do."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import copy_context

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry import baggage, propagate, trace
from opentelemetry.context import Context, attach, set_value
from opentelemetry.propagators.textmap import default_setter
from opentelemetry.sdk.trace import TracerProvider, sampling
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

from statefun_actors import Address, Entity, handles
from statefun_actors.telemetry import Traces
from statefun_actors.telemetry.trace_headers import TraceHeaders
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack
from tests.engine.engines import inbox_of
from tests.telemetry.spans import TRACEPARENT, Spans
from tests.telemetry.test_traces_from_outside import Kept

_hex = st.text("0123456789abcdefABCDEFg", min_size=0, max_size=33)
_traceparents = st.one_of(
    st.just(TRACEPARENT),
    st.from_regex(r"[0-9a-f]{2}-(0{32}|[0-9a-f]{32})-(0{16}|[0-9a-f]{16})-[0-9a-f]{2}(-x)?", fullmatch=True),
    st.builds(lambda version, trace, span, flags: f"{version}-{trace}-{span}-{flags}", _hex, _hex, _hex, _hex),
    st.text(max_size=60),
)


def read(context: Context) -> tuple[object, ...]:
    span = trace.get_current_span(context).get_span_context()
    return (
        *(span.trace_id, span.span_id, span.is_remote, span.is_valid, span.trace_flags),
        *(dict(span.trace_state), dict(baggage.get_all(context))),
    )


@given(
    st.dictionaries(st.sampled_from(["other", "baggage"]), st.just("a=b"), max_size=1),
    st.none() | _traceparents,
    st.none() | st.just("vendor=1"),
)
@example({}, TRACEPARENT + "\n", None)
@example({}, f"\t{TRACEPARENT} ", None)
def test_headers_are_read_as_the_propagator_reads_them(
    headers: dict[str, str], traceparent: str | None, tracestate: str | None
) -> None:
    given = {"traceparent": traceparent, "tracestate": tracestate}
    headers.update({name: value for name, value in given.items() if value is not None})
    expected = propagate.get_global_textmap().extract(headers, Context())
    assert read(TraceHeaders().context(headers)) == read(expected)
    unsampled = TraceHeaders().unsampled(headers)
    if unsampled is not None:
        assert read(unsampled) == read(expected)
    span = trace.get_current_span(expected).get_span_context()
    version = (traceparent or "").partition("-")[0]
    if headers == {"traceparent": traceparent} and version == "00" and span.is_valid and not span.trace_flags.sampled:
        assert unsampled is not None


def test_what_is_sent_in_a_trace_that_is_not_sampled_has_the_headers_of_its_message() -> None:
    traces = TraceHeaders()
    for number in range(3_000):  # more than are known at a time
        headers = {"traceparent": f"00-{number + 1:032x}-{number + 1:016x}-00"}
        found = traces.unsampled(headers)
        assert found is not None

        def sent(context: Context = found) -> Mapping[str, str] | None:
            attach(context)
            return traces.outgoing()

        assert traces.unsampled({**headers}) is found
        assert copy_context().run(sent) is headers
        span = trace.get_current_span(found)
        assert repr(span) == repr(NonRecordingSpan(span.get_span_context()))


@given(
    st.integers(0, (1 << 128) - 1),
    st.integers(0, (1 << 64) - 1),
    st.integers(0, 255),
    st.none() | st.just("vendor=1"),
    st.booleans(),
    st.booleans(),
)
def test_headers_are_written_as_the_propagator_writes_them(
    trace_id: int, span_id: int, flags: int, state: str | None, with_baggage: bool, with_more: bool
) -> None:
    trace_state = TraceState() if state is None else TraceState.from_header([state])
    span = SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(flags), trace_state=trace_state)

    def both() -> tuple[Mapping[str, str], object, object]:
        attach(trace.set_span_in_context(NonRecordingSpan(span), Context()))
        if with_baggage:
            attach(baggage.set_baggage("user", "ada"))
        if with_more:
            attach(set_value("of the program", 1))
        expected: dict[str, str] = {}
        propagate.get_global_textmap().inject(expected, setter=default_setter)
        headers = TraceHeaders()
        return expected, headers.outgoing() or {}, headers.outgoing() or {}

    expected, first, second = copy_context().run(both)
    assert (first, second) == (expected, expected)


def test_no_current_span_gives_no_headers() -> None:
    assert copy_context().run(TraceHeaders().outgoing) is None


class Chain(Entity, typename="sampled/chain"):
    @handles(int)
    def on(self, message: int) -> None:
        if message:
            self.send(Address("sampled/chain", self.id), message - 1)


UNSAMPLED = f"{TRACEPARENT[:-2]}00"


async def _handled(traces: Traces, headers: Mapping[str, str]) -> list[str]:
    """The headers ``traceparent`` of three messages, the first of which has *headers*."""
    kept = Kept()
    async with TestRuntime(Chain, instruments=[traces, kept]) as runtime:
        inbox_of(runtime.engine).submit(Chain.at("ada"), pack(2), headers=headers)
        runtime.engine.wake()
        await runtime.run_until_idle()
    return [each.get("traceparent", "") for each in kept.headers]


async def test_messages_of_a_trace_that_is_not_sampled_have_no_span_and_pass_it_on() -> None:
    spans = Spans()
    assert await _handled(spans.traces(), {"traceparent": UNSAMPLED}) == [UNSAMPLED] * 3
    assert not spans.ended


@pytest.mark.parametrize("never", [True, False])
async def test_a_sampler_that_decides_about_such_messages_gets_them(never: bool) -> None:
    asked: list[str] = []

    class Asked(sampling.StaticSampler):
        def should_sample(self, *args: object, **options: object) -> sampling.SamplingResult:
            asked.append("once")
            return super().should_sample(*args, **options)  # type: ignore[arg-type]

    sampler = Asked(sampling.Decision.DROP if never else sampling.Decision.RECORD_AND_SAMPLE)
    provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
    await _handled(Traces(provider), {"traceparent": UNSAMPLED})
    assert len(asked) == 3
