"""``Traces``: an instrument that makes an OpenTelemetry span for each message that a handler gets.

The context of a span travels in the headers of the messages that its handler sends, by the propagators that the program
has set up: ``traceparent`` and ``tracestate`` by default. The engine stores headers with messages and delayed messages,
so a trace goes on after a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from importlib.metadata import version
from typing import Final

from statefun_actors.address import Address
from statefun_actors.asking import OWN_FUNCTIONS, SCHEDULE
from statefun_actors.dispatch import BatchEnded, HandlerEnded, HandlerStarted, Propagating
from statefun_actors.errors import InternalMessageError, UnhandledMessageError
from statefun_actors.model import Done, Failed, Headers, Invocation
from statefun_actors.text import describe, describe_error, describe_type, loggable

try:
    from opentelemetry import trace
    from opentelemetry.context import Context, attach
    from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, TraceFlags, Tracer, TracerProvider
    from opentelemetry.util.types import AttributeValue

    from statefun_actors.telemetry.trace_headers import NO_PARENT, TraceHeaders, passing_on
except ImportError as error:
    raise ImportError(
        'statefun_actors.telemetry.Traces needs opentelemetry-api: pip install "statefun-actors[otel]"'
    ) from error

SYSTEM: Final = "statefun_actors"
_LINKED: Final = "link-"
"""The prefix of headers whose span a new trace links to, instead of continuing its trace."""
_MOST_NAMES: Final = 1_000
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
        self._headers = TraceHeaders()
        self.fields = self._headers.fields
        self._names = _Names()
        self._drops_unsampled = _drops_unsampled(self._tracer)
        self._spans: dict[int, Span] = {}
        """The spans of running handlers by the id of their message, which lives as long."""

    def outgoing(self) -> Headers | None:
        return self._headers.outgoing()

    def handler_started(self, event: HandlerStarted) -> None:
        invocation, typename = event.invocation, event.target.typename
        if typename in OWN_FUNCTIONS:  # they pass on messages of others: no span, and the headers stay the same
            attach(self._passed_on(typename, invocation.headers))
            return
        headers = invocation.headers
        if headers is not None and self._drops_unsampled and (known := self._headers.unsampled(headers)) is not None:
            attach(known)  # no span, and what it sends belongs to the unsampled trace, too
            return
        parent, links = self._origin(headers)
        if self._drops_unsampled and _is_unsampled(parent):
            attach(parent)
            return
        attributes = _attributes(event.target, invocation)
        attributes["statefun_actors.handler"] = event.handler
        if event.attempt > 1:
            attributes["statefun_actors.attempt"] = event.attempt
        span = self._tracer.start_span(self._names[typename], parent, SpanKind.CONSUMER, attributes, links)
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
        if event.outcome.__class__ is Done and not event.failures:  # as nearly all are
            return
        for invocation, error in _without_handler(event):
            parent, links = self._origin(invocation.headers)
            attributes = _attributes(event.target, invocation)
            name = self._names[event.target.typename]
            span = self._tracer.start_span(name, parent, SpanKind.CONSUMER, attributes, links)
            _record(span, error)
            span.end()

    def _origin(self, headers: Headers | None) -> tuple[Context, list[Link] | None]:
        """The context of the parent of a message with *headers*, and the links of its span."""
        if headers is None:
            return NO_PARENT, None
        if any(name.startswith(_LINKED) for name in headers):
            linked = {name.removeprefix(_LINKED): value for name, value in headers.items() if name.startswith(_LINKED)}
            origin = trace.get_current_span(self._headers.context(linked)).get_span_context()
            return NO_PARENT, [Link(origin)] if origin.is_valid else None
        return self._headers.context(headers), None

    def _passed_on(self, typename: str, headers: Headers | None) -> Context:
        """A context in which messages are sent with *headers*, or with links to the span in *headers*."""
        kept = {name: value for name, value in (headers or {}).items() if name.removeprefix(_LINKED) in self.fields}
        if typename == SCHEDULE:  # a recurring message has no end, and neither would its trace
            kept = {f"{_LINKED}{name.removeprefix(_LINKED)}": value for name, value in kept.items()}
        return passing_on(kept)


class _Names(dict[str, str]):
    """The names of spans by function type. There are few types that have handlers; senders can name any other."""

    def __missing__(self, typename: str) -> str:
        name = f"process {typename}"
        if len(self) < _MOST_NAMES:
            self[typename] = name
        return name


def _drops_unsampled(tracer: Tracer) -> bool:
    """Whether the sampler of *tracer* never samples a message of a trace that is not sampled.

    That of the SDK does not unless it is told to, so such a message needs no span, whose start takes longest.
    """
    described = getattr(getattr(tracer, "sampler", None), "get_description", str)()
    return described.startswith("ParentBased{") and "remoteParentNotSampled:AlwaysOffSampler" in described


def _is_unsampled(parent: Context) -> bool:
    if not parent:
        return False
    span = trace.get_current_span(parent).get_span_context()
    return span.is_valid and not span.trace_flags & TraceFlags.SAMPLED


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
