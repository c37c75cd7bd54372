"""``Traces``: an instrument that makes an OpenTelemetry span for each message that a handler gets.

The context of a span travels in the headers of the messages that its handler sends, by the propagators that the program
has set up: ``traceparent`` and ``tracestate`` by default. The engine stores headers with messages and delayed messages,
so a trace goes on after a restart.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Final

from statefun_actors.address import Address
from statefun_actors.asking import OWN_FUNCTIONS, SCHEDULE
from statefun_actors.dispatch import BatchEnded, HandlerEnded, HandlerStarted, Propagating
from statefun_actors.errors import InternalMessageError, UnhandledMessageError
from statefun_actors.model import Done, Failed, Headers, Invocation
from statefun_actors.text import describe, describe_error, describe_type, loggable

try:
    from opentelemetry import propagate, trace
    from opentelemetry.context import Context, attach, create_key, get_value, set_value
    from opentelemetry.propagators.textmap import default_setter
    from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, TracerProvider
    from opentelemetry.util.types import AttributeValue
except ImportError as error:
    raise ImportError(
        'statefun_actors.telemetry.Traces needs opentelemetry-api: pip install "statefun-actors[otel]"'
    ) from error

SYSTEM: Final = "statefun_actors"
logger: Final = logging.getLogger(f"{SYSTEM}.telemetry")

_LINKED: Final = "link-"
"""The prefix of headers whose span a new trace links to, instead of continuing its trace."""
_HEADERS: Final = create_key("statefun-actors-headers")
_NO_PARENT: Final = Context()
_WITHOUT_HANDLER: Final = (UnhandledMessageError, InternalMessageError)
"""The errors of messages for which no handler starts."""


class Traces(Propagating):
    """A span for each attempt of a handler at a message: ``instruments=[Traces()]``.

    ``run``, ``serve`` and runtimes add one by themselves if the program has set a global tracer provider before.

    A span is named ``process <function type>``, has the kind CONSUMER, and is current while the handler runs, so spans
    that the handler starts are its children. Its parent is the span that was current when the message was sent: by
    another handler, a delayed message or an ask, by ``tell`` or ``ask`` of a runtime, or by the sender of a request or
    a Kafka record with a ``traceparent``. A message of ``send_every`` starts a new trace, with a link to the span that
    scheduled it.

    Args:
        tracer_provider: makes the spans; None = the global one, which may also be set later.
    """

    def __init__(self, tracer_provider: TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer(SYSTEM, version("statefun-actors"), tracer_provider)
        self._propagator = propagate.get_global_textmap()
        self.fields = frozenset(field.lower() for field in self._propagator.fields)
        self._spans: dict[int, Span] = {}
        """The spans of running handlers by the id of their message, which lives as long."""
        self._failed = False
        """Whether the propagator has raised, which is logged once."""

    def outgoing(self) -> Headers | None:
        if (headers := get_value(_HEADERS)) is not None:
            assert isinstance(headers, Mapping)
            return headers
        carrier: dict[str, str] = {}
        try:
            self._propagator.inject(carrier, setter=default_setter)  # pyright refuses the default argument
        except Exception as error:  # such as baggage that is not encodable: the trace may go on without
            self._log_failed(error)
        return carrier or None

    def handler_started(self, event: HandlerStarted) -> None:
        invocation, typename = event.invocation, event.target.typename
        if typename in OWN_FUNCTIONS:  # they pass on messages of others: no span, and the headers stay the same
            attach(self._passed_on(typename, invocation.headers))
            return
        attributes = _attributes(event.target, invocation)
        attributes["statefun_actors.handler"] = event.handler
        if event.attempt > 1:
            attributes["statefun_actors.attempt"] = event.attempt
        span, parent = self._start_span(typename, invocation, attributes)
        self._spans[id(invocation)] = span
        # Never detached: dispatch runs each batch in a context of its own. What a failure policy sends after the
        # handler has ended belongs to this span, too.
        attach(trace.set_span_in_context(span, parent))

    def handler_ended(self, event: HandlerEnded) -> None:
        span = self._spans.pop(id(event.invocation), None)
        if span is None:
            return
        if event.error is not None and span.is_recording():
            if isinstance(event.error, asyncio.CancelledError):
                span.set_attribute("statefun_actors.stopped", True)
            else:
                _record(span, event.error)
        span.end()

    def batch_ended(self, event: BatchEnded) -> None:
        for invocation, error in _without_handler(event):
            span, _ = self._start_span(event.target.typename, invocation, _attributes(event.target, invocation))
            _record(span, error)
            span.end()

    def _start_span(
        self, typename: str, invocation: Invocation, attributes: dict[str, AttributeValue]
    ) -> tuple[Span, Context]:
        """Start a span for *invocation* of a function of type *typename*; return it and the context of its parent."""
        parent, links = self._origin(invocation.headers)
        return self._tracer.start_span(f"process {typename}", parent, SpanKind.CONSUMER, attributes, links), parent

    def _origin(self, headers: Headers | None) -> tuple[Context, list[Link] | None]:
        """The context of the parent of a message with *headers*, and the links of its span."""
        if headers is None:
            return _NO_PARENT, None
        linked = {name.removeprefix(_LINKED): value for name, value in headers.items() if name.startswith(_LINKED)}
        if linked:
            origin = trace.get_current_span(self._extracted(linked)).get_span_context()
            return _NO_PARENT, [Link(origin)] if origin.is_valid else None
        return self._extracted(headers), None

    def _extracted(self, headers: Headers) -> Context:
        """The context in *headers*. They come from outside, so none may end the traces of other messages."""
        try:
            return self._propagator.extract(headers, _NO_PARENT)
        except Exception as error:
            self._log_failed(error)
            return _NO_PARENT

    def _log_failed(self, error: Exception) -> None:
        if not self._failed:
            self._failed = True
            logger.warning(
                "a propagator of OpenTelemetry raised, so a trace may be incomplete; this is logged once: %s",
                describe(error),
                exc_info=loggable(error),
            )

    def _passed_on(self, typename: str, headers: Headers | None) -> Context:
        """A context in which messages are sent with *headers*, or with links to the span in *headers*."""
        kept = {name: value for name, value in (headers or {}).items() if name.removeprefix(_LINKED) in self.fields}
        if typename == SCHEDULE:  # a recurring message has no end, and neither would its trace
            kept = {f"{_LINKED}{name.removeprefix(_LINKED)}": value for name, value in kept.items()}
        return set_value(_HEADERS, kept, _NO_PARENT)


def _attributes(target: Address, invocation: Invocation) -> dict[str, AttributeValue]:
    """The attributes of every span. The SDK takes some microseconds for each, so there are few."""
    attributes: dict[str, AttributeValue] = {
        "messaging.system": SYSTEM,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": target.typename,
        "statefun_actors.entity.id": target.id,
        "statefun_actors.message.type": invocation.argument.typename,
    }
    if invocation.caller is not None:
        attributes["statefun_actors.caller.type"] = invocation.caller.typename
    return attributes


def _record(span: Span, error: BaseException) -> None:
    kind = describe_type(error)
    texts = {"exception.type": kind, "exception.message": describe_error(error)}
    span.record_exception(loggable(error), texts)
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR, describe(error)))


def _without_handler(event: BatchEnded) -> Iterator[tuple[Invocation, BaseException]]:
    """The messages of a batch for which no handler has started, and their errors."""
    messages = event.batch.invocations
    match event.outcome:
        case Failed(int() as index, error) if isinstance(error, _WITHOUT_HANDLER):
            yield messages[index], error
        case Done():
            for failure in event.failures:
                if isinstance(failure.error, _WITHOUT_HANDLER):
                    yield messages[failure.index], failure.error
        case _:
            pass
