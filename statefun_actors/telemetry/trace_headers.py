"""The context of a span in the headers of messages, by the propagator that the program has set up.

Nearly all programs have the one of W3C, ``traceparent`` with ``baggage``, and nearly all messages have no more than a
``traceparent``. That form is read and written here directly, with the same result in a third of the time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from opentelemetry import propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context, create_key, get_current, set_value
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import TextMapPropagator, default_setter
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from statefun_actors.model import Headers
from statefun_actors.own_logger import own_logger
from statefun_actors.text import describe, loggable

logger: Final = own_logger("statefun_actors.telemetry")

NO_PARENT: Final = Context()
_HEADERS: Final = create_key("statefun-actors-headers")
_TRACEPARENT: Final = "traceparent"
_FORM: Final = re.compile("00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})").fullmatch
_INVALID: Final = re.compile("00-(0{32}-.*|.{32}-0{16}-.*)").fullmatch
[_SPAN] = trace.set_span_in_context(trace.INVALID_SPAN, NO_PARENT)
"""The key of the span in a context."""
_W3C: Final = (
    (TraceContextTextMapPropagator,),
    (TraceContextTextMapPropagator, W3CBaggagePropagator),
)
"""The classes of the parts of a propagator whose only header, without baggage and vendors, is ``traceparent``."""
_MOST_UNSAMPLED: Final = 1_000


class TraceHeaders:
    """Reads and writes the headers of traces. A propagator that raises is logged once."""

    def __init__(self) -> None:
        self._propagator = propagate.get_global_textmap()
        self.fields = frozenset(field.lower() for field in self._propagator.fields)
        self._w3c = _parts(self._propagator) in _W3C
        self._failed = False
        """Whether the propagator has raised, which is logged once."""
        self._last: tuple[SpanContext | None, Headers] = (None, {})
        """The span of the last message, and its headers: a handler may send many."""
        self._unsampled: dict[str, Context] = {}
        """By their ``traceparent``, contexts of spans that are not sampled: all messages of such a trace have one."""

    def outgoing(self) -> Headers | None:
        """The headers of a message that is sent in the current context; None without any."""
        current = get_current()
        if not current:
            return None
        passed_on = current.get(_HEADERS)
        if passed_on is not None:
            assert isinstance(passed_on, Mapping)
            return passed_on
        if self._w3c and len(current) == 1:  # a span, if it has one, and no baggage
            sender = trace.get_current_span(current)
            if sender.__class__ is _Unsampled:
                assert isinstance(sender, _Unsampled)
                return sender.headers
            span = sender.get_span_context()
            if span is self._last[0]:
                return self._last[1]
            if span.is_valid and not span.trace_state:
                headers = {_TRACEPARENT: f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"}
                self._last = (span, headers)
                return headers
        carrier: dict[str, str] = {}
        try:
            self._propagator.inject(carrier, setter=default_setter)  # pyright refuses the default argument
        except Exception as error:  # such as baggage that is not encodable: the trace may go on without
            self._log_failed(error)
        return carrier or None

    def context(self, headers: Headers) -> Context:
        """The context in *headers*. They come from outside, so none may end the traces of other messages."""
        if self._w3c and len(headers) == 1 and (found := _FORM(headers.get(_TRACEPARENT, ""))) is not None:
            span = _span_of(*found.groups())
            return trace.set_span_in_context(NonRecordingSpan(span), NO_PARENT) if span.is_valid else NO_PARENT
        try:
            return self._propagator.extract(headers, NO_PARENT)
        except Exception as error:
            self._log_failed(error)
            return NO_PARENT

    def unsampled(self, headers: Headers) -> Context | None:
        """The context in *headers* if it is that of a span which is not sampled; None also if it may be more than that.

        What is sent in it has the same headers.
        """
        if not self._w3c or len(headers) != 1:
            return None
        parent = headers.get(_TRACEPARENT, "")
        known = self._unsampled.get(parent)
        if known is not None:
            return known
        parts = _FORM(parent)
        if parts is None or int(parent[-2:], 16) & TraceFlags.SAMPLED or _INVALID(parent):
            return None
        if len(self._unsampled) >= _MOST_UNSAMPLED:
            self._unsampled.clear()
        found = self._unsampled[parent] = Context({_SPAN: _Unsampled(parts, headers)})
        return found

    def _log_failed(self, error: Exception) -> None:
        if not self._failed:
            self._failed = True
            logger.warning(
                "a propagator of OpenTelemetry raised, so a trace may be incomplete; this is logged once: %s",
                describe(error),
                exc_info=loggable(error),
            )


class _Unsampled(NonRecordingSpan):
    """The span of a sender, which is not sampled, and the headers of its messages. Next to nothing asks for more."""

    def __init__(self, parts: re.Match[str], headers: Headers) -> None:
        self._parts, self.headers = parts, headers

    def get_span_context(self) -> SpanContext:
        return _span_of(*self._parts.groups())

    def __repr__(self) -> str:
        return f"NonRecordingSpan({self.get_span_context()!r})"


def _span_of(trace_id: str, span_id: str, flags: str) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=_FLAGS[int(flags, 16)])


_FLAGS: Final = tuple(TraceFlags(flags) for flags in range(256))


def passing_on(headers: Headers) -> Context:
    """A context in which messages are sent with *headers*."""
    return set_value(_HEADERS, headers, NO_PARENT)


def _parts(propagator: TextMapPropagator) -> tuple[type[TextMapPropagator], ...]:
    """The classes of the parts of *propagator*."""
    if type(propagator) is CompositePropagator:
        # The API does not tell them. Without this attribute all messages take the long way.
        return tuple(type(part) for part in getattr(propagator, "_propagators", ()))
    return (type(propagator),)
