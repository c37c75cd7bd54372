"""Traces of the embedded engine, as the real OpenTelemetry SDK records them."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from statefun_actors import (
    Address,
    AsyncRuntime,
    Discard,
    Entity,
    Instrument,
    NoAnswer,
    activity,
    answers,
    handles,
    persisted,
)
from statefun_actors.dispatch import BatchEnded
from statefun_actors.store import open_store
from statefun_actors.testing import TestRuntime
from tests.engine.engines import until
from tests.telemetry.spans import Spans, attributes, ids, parent


@activity("traced/charge", attempts=2, backoff=0.001)
async def charge(message: int) -> int:
    if not _charged:
        _charged.append(message)
        raise ValueError("try again")
    return message


_charged: list[int] = []
_tracers: list[trace.Tracer] = []


class Sender(Entity, typename="traced/sender"):
    n: int = persisted(default=0)

    @handles(str)
    def hop(self, message: str) -> None:
        with _tracers[-1].start_as_current_span("of the handler"):
            pass
        self.send(Receiver.at(message), 1)

    @handles(float)
    def later(self, message: float) -> None:
        self.send_after(timedelta(seconds=message), Receiver.at("late"), 2)

    @handles(int)
    def buy(self, message: int) -> None:
        self.ask(charge, message, then=self.bought)

    @answers
    def bought(self, message: int | NoAnswer) -> str:
        return f"bought {message}"

    @handles(bool)
    def daily(self, message: bool) -> None:
        self.send_every(timedelta(days=1), Receiver.at("daily"), 3, name="daily")


class Receiver(Entity, typename="traced/receiver"):
    total: int = persisted(default=0)

    @handles(int)
    async def add(self, message: int) -> int:
        self.total += message
        await asyncio.sleep(0)
        return self.total

    @handles(str, on_failure=Discard(attempts=2, backoff=0))
    def fail(self, message: str) -> None:
        raise ValueError(f"no {message}")

    @handles(bytes, internal=True)
    def inside(self, message: bytes) -> None: ...


class Batches(Instrument):
    def __init__(self) -> None:
        self.sizes: list[int] = []

    def batch_ended(self, event: BatchEnded) -> None:
        self.sizes.append(event.size)


@pytest.fixture
def spans() -> Iterator[Spans]:
    spans = Spans()
    _tracers.append(spans.tracer)
    yield spans
    _tracers.remove(spans.tracer)


async def test_a_span_says_which_message_its_handler_got(spans: Spans, tmp_path: Path) -> None:
    async with AsyncRuntime(Receiver, store=tmp_path / "db", instruments=[spans.traces()]) as runtime:
        assert await runtime.ask(Receiver.at("ada"), 2) == 2
    span = spans.of("Receiver.add")
    assert (span.name, span.kind, span.status.status_code) == (
        "process traced/receiver",
        SpanKind.CONSUMER,
        StatusCode.UNSET,
    )
    assert parent(span) is None
    assert dict(attributes(span)) == {
        "messaging.system": "statefun_actors",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "traced/receiver",
        "statefun_actors.entity.id": "ada",
        "statefun_actors.message.type": "io.statefun.types/long",
        "statefun_actors.handler": "Receiver.add",
        "statefun_actors.caller.type": "statefun-actors/ingress",
    }
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "statefun_actors"


async def test_a_trace_follows_messages_from_the_caller_to_the_last_entity(spans: Spans, tmp_path: Path) -> None:
    async with AsyncRuntime(Sender, Receiver, charge, store=tmp_path / "db", instruments=[spans.traces()]) as runtime:
        with spans.tracer.start_as_current_span("web request") as web:
            await runtime.tell(Sender.at("ada"), "bob")
        await until(lambda: spans.all_of("Receiver.add"))
    caller = web.get_span_context()
    first, second = spans.of("Sender.hop"), spans.of("Receiver.add")
    assert parent(first) == (caller.trace_id, caller.span_id)
    assert parent(second) == ids(first)


async def test_spans_of_a_handler_are_children_of_its_message(spans: Spans) -> None:
    async with AsyncRuntime(Sender, Receiver, charge, instruments=[spans.traces()]) as runtime:
        await runtime.tell(Sender.at("ada"), "bob")
        await until(lambda: spans.all_of("Sender.hop"))
    inner = next(span for span in spans.ended if span.name == "of the handler")
    assert parent(inner) == ids(spans.of("Sender.hop"))


async def test_a_message_of_a_child_span_has_that_as_its_parent(spans: Spans) -> None:
    class Nested(Entity, typename="traced/nested"):
        @handles(str)
        async def go(self, message: str) -> None:
            with spans.tracer.start_as_current_span("inner"):
                await asyncio.sleep(0)
                self.send(Receiver.at("x"), 1)

    async with AsyncRuntime(Nested, Receiver, instruments=[spans.traces()]) as runtime:
        await runtime.tell(Nested.at("ada"), "go")
        await until(lambda: spans.all_of("Receiver.add"))
    inner = next(span for span in spans.ended if span.name == "inner")
    assert parent(spans.of("Receiver.add")) == ids(inner)


async def test_messages_of_one_batch_have_a_span_each(spans: Spans) -> None:
    batches = Batches()
    async with AsyncRuntime(Receiver, instruments=[spans.traces(), batches]) as runtime:
        with spans.tracer.start_as_current_span("first") as first:
            one = asyncio.create_task(runtime.tell(Receiver.at("ada"), 1))
        with spans.tracer.start_as_current_span("second") as second:
            two = asyncio.create_task(runtime.tell(Receiver.at("ada"), 2))
        await asyncio.gather(one, two)
        await until(lambda: len(spans.all_of("Receiver.add")) == 2)
    assert batches.sizes == [2]
    parents = [parent(span) for span in spans.all_of("Receiver.add")]
    callers = [first.get_span_context(), second.get_span_context()]
    assert parents == [(caller.trace_id, caller.span_id) for caller in callers]


async def test_a_trace_goes_on_in_a_delayed_message_after_a_restart(spans: Spans, tmp_path: Path) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    path = tmp_path / "db"
    with contextlib.closing(open_store(path)) as store:
        async with TestRuntime(
            Sender, Receiver, charge, store=store, start=start, instruments=[spans.traces()]
        ) as runtime:
            await runtime.tell(Sender.at("ada"), 3600.0)
            await runtime.run_until_idle()
    assert not spans.all_of("Receiver.add")
    after = start + timedelta(hours=2)
    with contextlib.closing(open_store(path)) as store:
        async with TestRuntime(
            Sender, Receiver, charge, store=store, start=after, instruments=[spans.traces()]
        ) as runtime:
            await runtime.run_until_idle()
    assert parent(spans.of("Receiver.add")) == ids(spans.of("Sender.later"))


async def test_a_trace_goes_on_through_an_ask_its_retries_and_its_answer(spans: Spans, tmp_path: Path) -> None:
    _charged.clear()
    async with AsyncRuntime(Sender, charge, store=tmp_path / "db", instruments=[spans.traces()]) as runtime:
        assert await runtime.ask(Sender.at("ada"), 5, timeout=60) == "bought 5"
    asked, answered = spans.of("Sender.buy"), spans.of("Sender.bought")
    failed, repeated = spans.all_of("traced/charge")
    assert failed.status.status_code is StatusCode.ERROR
    assert [parent(failed), parent(repeated), parent(answered)] == [ids(asked), ids(failed), ids(repeated)]
    assert len(spans.ended) == 4, "the library's own functions have no spans"


async def test_recurring_messages_start_new_traces_with_a_link(spans: Spans) -> None:
    async with TestRuntime(Sender, Receiver, charge, instruments=[spans.traces()]) as runtime:
        await runtime.tell(Sender.at("ada"), True)
        await runtime.clock.advance(timedelta(days=2, hours=1))
        await runtime.run_until_idle()
    scheduled = spans.of("Sender.daily")
    first, second = spans.all_of("Receiver.add")
    assert parent(first) is None
    assert parent(second) is None
    assert len({ids(span)[0] for span in (scheduled, first, second)}) == 3
    for span in (first, second):
        (link,) = span.links
        assert (link.context.trace_id, link.context.span_id) == ids(scheduled)


async def test_an_error_is_recorded_on_the_span_of_its_attempt(spans: Spans) -> None:
    async with AsyncRuntime(Receiver, instruments=[spans.traces()]) as runtime:
        await runtime.tell(Receiver.at("ada"), "way")
        await until(lambda: len(spans.all_of("Receiver.fail")) == 2)
    for number, span in enumerate(spans.all_of("Receiver.fail"), start=1):
        assert attributes(span).get("statefun_actors.attempt", 1) == number
        assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "ValueError: no way")
        assert attributes(span)["error.type"] == "ValueError"
        (event,) = span.events
        assert event.attributes is not None
        assert (event.name, event.attributes["exception.message"]) == ("exception", "no way")
        assert "raise ValueError" in str(event.attributes["exception.stacktrace"])


async def test_a_message_that_no_handler_takes_has_a_span_with_the_error(spans: Spans) -> None:
    class Wrong(Entity, typename="traced/wrong"):
        @handles(str)
        def go(self, message: str) -> None:
            self.send(Address("traced/receiver", "ada"), 1.5)

    async with AsyncRuntime(Wrong, Receiver, instruments=[spans.traces()]) as runtime:
        await runtime.tell(Wrong.at("x"), "go")
        await until(lambda: len(spans.ended) == 2)
    sent, refused = spans.ended
    assert attributes(refused)["error.type"] == "UnhandledMessageError"
    assert attributes(refused)["messaging.destination.name"] == "traced/receiver"
    assert parent(refused) == ids(sent)


async def test_traces_leave_no_context_behind(spans: Spans) -> None:
    mine: contextvars.ContextVar[str] = contextvars.ContextVar("mine", default="")
    mine.set("program's")
    seen: list[str] = []

    class Looking(Entity, typename="traced/looking"):
        @handles(int)
        def look(self, message: int) -> None:
            seen.append(mine.get())

    with spans.tracer.start_as_current_span("program") as program:
        async with AsyncRuntime(Looking, instruments=[spans.traces()]) as runtime:
            assert trace.get_current_span() is program
            await runtime.tell(Looking.at("x"), 1)
            await until(lambda: seen)
            assert trace.get_current_span() is program
    assert seen == ["program's"]


async def test_an_instrument_that_cannot_give_headers_is_dropped(
    spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    traces = spans.traces()
    traces.outgoing = lambda: 1 // 0  # type: ignore[method-assign,assignment,return-value]
    async with TestRuntime(Sender, Receiver, charge, instruments=[traces]) as runtime:
        await runtime.tell(Sender.at("ada"), "bob")
        await runtime.run_until_idle()
        assert runtime.state(Receiver.at("bob")).total == 1
    (record,) = [record for record in caplog.records if "instrument" in record.getMessage()]
    assert record.getMessage() == (
        "the instrument Traces raised, and gets no further events: "
        "ZeroDivisionError: integer division or modulo by zero"
    )
