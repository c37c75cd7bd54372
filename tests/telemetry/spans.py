"""Spans of the real SDK, kept in memory, for the tests of traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util.types import AttributeValue

from statefun_actors.telemetry import Traces

TRACE = 0x0AF7651916CD43DD8448EB211C80319C
SPAN = 0xB7AD6B7169203331
TRACEPARENT = f"00-{TRACE:032x}-{SPAN:016x}-01"


class Spans:
    """A tracer provider of its own, an instrument that uses it, and the spans that have ended."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = self.provider.get_tracer("test")

    def traces(self) -> Traces:
        """A new instrument: one is for one application."""
        return Traces(self.provider)

    @property
    def ended(self) -> Sequence[ReadableSpan]:
        """The spans that have ended, in that order."""
        ended: Sequence[ReadableSpan] = self._exporter.get_finished_spans()
        return ended

    def of(self, handler: str) -> ReadableSpan:
        """The only span of *handler*."""
        (found,) = self.all_of(handler)
        return found

    def all_of(self, handler: str) -> list[ReadableSpan]:
        """The spans of *handler*, in the order in which they ended."""
        return [span for span in self.ended if attributes(span).get("statefun_actors.handler") == handler]


def attributes(span: ReadableSpan) -> Mapping[str, AttributeValue]:
    return span.attributes or {}


def ids(span: ReadableSpan) -> tuple[int, int]:
    """The trace and the span."""
    assert span.context is not None
    return span.context.trace_id, span.context.span_id


def parent(span: ReadableSpan) -> tuple[int, int] | None:
    """The trace and the span of the parent of *span*; None if it is the first of its trace."""
    return None if span.parent is None else (span.parent.trace_id, span.parent.span_id)
