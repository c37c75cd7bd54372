"""One message for which a propagator or the SDK would raise: the traces of other messages go on."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import baggage, propagate
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from statefun_actors import Discard, Entity, handles
from statefun_actors.testing import TestRuntime
from tests.telemetry.spans import Spans, ids, parent


def program(spans: Spans) -> tuple[int, int]:
    """The ids of the span ``program``."""
    [found] = [span for span in spans.ended if span.name == "program"]
    return ids(found)


class Plain(Entity, typename="propagated/plain"):
    @handles(int)
    def add(self, message: int) -> int:
        return message


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Failing(Entity, typename="propagated/failing", on_failure=Discard()):
    @handles(int)
    def fail(self, message: int) -> None:
        raise UnprintableError


class Picky(TraceContextTextMapPropagator):
    """Raises at its first use, and at the third."""

    uses = 0

    def inject(self, *args: Any, **options: Any) -> None:
        self._use()
        super().inject(*args, **options)

    def extract(self, *args: Any, **options: Any) -> Context:
        self._use()
        return super().extract(*args, **options)

    def _use(self) -> None:
        self.uses += 1
        if self.uses in {1, 3}:
            raise ValueError("not this")


async def test_a_propagator_that_raises_is_logged_once_and_used_for_the_next_message(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    picky, spans = Picky(), Spans()
    monkeypatch.setattr(propagate, "get_global_textmap", lambda: picky)
    async with TestRuntime(Plain, instruments=[spans.traces()]) as runtime:
        with spans.tracer.start_as_current_span("program"):
            for number in range(3):  # the first is sent without headers, those of the second are not read
                await runtime.tell(Plain.at("ada"), number)
    assert [parent(span) for span in spans.all_of("Plain.add")] == [None, None, program(spans)]
    [record] = [record for record in caplog.records if record.name == "statefun_actors.telemetry"]
    assert record.getMessage() == (
        "a propagator of OpenTelemetry raised, so a trace may be incomplete; this is logged once: ValueError: not this"
    )


async def test_a_trace_continues_without_baggage_that_is_not_encodable() -> None:
    spans = Spans()
    async with TestRuntime(Plain, instruments=[spans.traces()]) as runtime:
        with spans.tracer.start_as_current_span("program"):
            token = attach(baggage.set_baggage("bad", "\ud800"))
            await runtime.tell(Plain.at("ada"), 1)
            detach(token)
    assert parent(spans.of("Plain.add")) == program(spans)


async def test_an_error_that_cannot_be_printed_is_in_its_span() -> None:
    spans = Spans()
    async with TestRuntime(Failing, instruments=[spans.traces()]) as runtime:
        for number in range(2):
            await runtime.tell(Failing.at("ada"), number)
    for span in spans.all_of("Failing.fail"):
        [event] = span.events
        assert event.attributes is not None
        assert event.attributes["exception.message"] == "<UnprintableError that can't be printed>"
    assert len(spans.all_of("Failing.fail")) == 2
