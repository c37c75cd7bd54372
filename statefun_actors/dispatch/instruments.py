"""Instruments: observers of an application, such as metrics, traces and warnings.

The overridden hooks are looked up once per application. A hook without a listener costs nothing: places that run per
message choose between a bare and an observed function at construction.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Generic, TypeVar

from statefun_actors.dispatch.events import (
    BatchEnded,
    CallBegun,
    CallEnded,
    EgressDelivered,
    EgressFailed,
    EpochCommitted,
    HandlerEnded,
    HandlerStarted,
    LoopHeld,
    MessageRefused,
    MessageTaken,
    RecordProduced,
    RepliedToItself,
    ReplyDropped,
    ReplyForwarded,
    Responded,
    TimerFired,
)
from statefun_actors.model import Headers
from statefun_actors.own_logger import own_logger
from statefun_actors.text import describe, loggable

logger: Final = own_logger("statefun_actors.dispatch")

_E = TypeVar("_E")


class Instrument:
    """Observes an application: override the hooks that you need; each does nothing here.

    A hook gets one frozen value. It is called on the thread that runs the handlers, between messages, so it must
    return quickly. It must not be ``async``, and must not call the runtime that it observes. If one raises, that is
    logged once, and the instrument gets no further events; no message is affected.

    Events are sent when they happen. If a commit fails afterwards, its messages run again and are reported again. A
    class on Flink has no :meth:`message_taken`, :meth:`epoch_committed`, :meth:`timer_fired`, and no egress events:
    Flink does these things.
    """

    def message_taken(self, event: MessageTaken) -> None:
        """A message entered a mailbox of the embedded engine."""

    def handler_started(self, event: HandlerStarted) -> None:
        """A handler starts, or starts again after a failed attempt."""

    def handler_ended(self, event: HandlerEnded) -> None:
        """A handler returned or failed."""

    def batch_ended(self, event: BatchEnded) -> None:
        """All messages of a batch have run, or the batch failed or was stopped."""

    def epoch_committed(self, event: EpochCommitted) -> None:
        """An epoch of the embedded engine became durable."""

    def timer_fired(self, event: TimerFired) -> None:
        """A delayed message became due."""

    def egress_delivered(self, event: EgressDelivered) -> None:
        """A sink wrote records."""

    def egress_failed(self, event: EgressFailed) -> None:
        """A sink can't write; called for each attempt that fails."""

    def loop_held(self, event: LoopHeld) -> None:
        """A handler held the event loop for too long."""

    def reply_dropped(self, event: ReplyDropped) -> None:
        """A handler replied to a message without a caller."""

    def replied_to_itself(self, event: RepliedToItself) -> None:
        """A handler replied to a message that its own entity had sent."""

    def message_refused(self, event: MessageRefused) -> None:
        """An internal handler without a failure policy refused a message from outside."""

    def responded(self, event: Responded) -> None:
        """The HTTP ingress responds to a request."""

    def record_produced(self, event: RecordProduced) -> None:
        """A gateway wrote a record, or could not write it."""

    def call_begun(self, event: CallBegun) -> None:
        """A gateway waits for an answer of the Flink job."""

    def call_ended(self, event: CallEnded) -> None:
        """A gateway has this answer, or does not wait for it any more."""

    def reply_forwarded(self, event: ReplyForwarded) -> None:
        """A gateway knows what has become of a reply from outside."""


class Exposing(Instrument, ABC):
    """An instrument that shows what it counted at ``GET /metrics``, wherever its application is served over HTTP."""

    @abstractmethod
    def expose(self, accept: str) -> tuple[str, bytes]:
        """The content type and the body, in a form that the header ``Accept`` of the request asks for."""


class Propagating(Instrument, ABC):
    """An instrument that adds headers to messages, such as the ``traceparent`` of a trace.

    The embedded engine stores them with messages, delayed messages and egress records, and passes them to sinks. For
    Flink, protocol 3.x writes them with messages, delayed messages and Kafka records; 2.x has no place for them.
    """

    fields: frozenset[str] = frozenset()
    """The headers that it reads from requests, in lower case."""

    @abstractmethod
    def outgoing(self) -> Headers | None:
        """The headers of a message that the calling code sends; None without any. Called for each message."""


class Hook(Generic[_E]):
    """One hook of all instruments: call it with an event, and it calls those that override it, in order."""

    __slots__ = ("_drop", "_listeners", "heard")

    def __init__(
        self, listeners: Iterable[tuple[Instrument, Callable[[_E], object]]], drop: Callable[[Instrument], None]
    ) -> None:
        self._listeners, self._drop = tuple(listeners), drop
        self.heard = bool(self._listeners)
        """Whether an instrument overrides it."""

    def __call__(self, event: _E) -> None:
        for instrument, listener in self._listeners:
            try:
                listener(event)
            except KeyboardInterrupt:  # the user's Ctrl-C
                raise
            except BaseException as error:  # a SystemExit, too: no message may fail because it is observed
                self._drop(instrument)
                _log_dropped(instrument, error)

    def add(self, instrument: Instrument, listener: Callable[[_E], object]) -> None:
        """Call *listener*, a method of *instrument*, too."""
        self._listeners, self.heard = (*self._listeners, (instrument, listener)), True

    def remove(self, instrument: Instrument) -> None:
        """Stop calling *instrument*."""
        self._listeners = tuple(item for item in self._listeners if item[0] is not instrument)
        self.heard = bool(self._listeners)


class Propagation:
    """The headers that *instrument* adds to messages; none after it has raised."""

    __slots__ = ("_drop", "_instrument", "_outgoing", "fields")

    def __init__(self, instrument: Propagating, drop: Callable[[Instrument], None]) -> None:
        self._instrument, self._outgoing, self._drop = instrument, instrument.outgoing, drop
        self.fields = frozenset(instrument.fields)

    def outgoing(self) -> Headers | None:
        """See :meth:`Propagating.outgoing`."""
        try:
            return self._outgoing()
        except KeyboardInterrupt:  # the user's Ctrl-C
            raise
        except BaseException as error:
            self._drop(self._instrument)
            _log_dropped(self._instrument, error)
            return None

    def remove(self, instrument: Instrument) -> None:
        """Add no more headers if they are those of *instrument*."""
        if instrument is self._instrument:
            self._outgoing = _nothing


def _nothing() -> None:
    return None


def _log_dropped(instrument: Instrument, error: BaseException) -> None:
    logger.error(
        "the instrument %s raised, and gets no further events: %s",
        type(instrument).__qualname__,
        describe(error),
        exc_info=loggable(error),
    )


class Instruments:
    """All instruments of one application, with one :class:`Hook` per event.

    Args:
        instruments: in the order in which they are called. :func:`instrument_problems` has found none.
    """

    def __init__(self, instruments: Iterable[Instrument] = ()) -> None:
        self._all = tuple(instruments)
        self.message_taken = self._hook(Instrument.message_taken)
        self.handler_started = self._hook(Instrument.handler_started)
        self.handler_ended = self._hook(Instrument.handler_ended)
        self.batch_ended = self._hook(Instrument.batch_ended)
        self.epoch_committed = self._hook(Instrument.epoch_committed)
        self.timer_fired = self._hook(Instrument.timer_fired)
        self.egress_delivered = self._hook(Instrument.egress_delivered)
        self.egress_failed = self._hook(Instrument.egress_failed)
        self.loop_held = self._hook(Instrument.loop_held)
        self.reply_dropped = self._hook(Instrument.reply_dropped)
        self.replied_to_itself = self._hook(Instrument.replied_to_itself)
        self.message_refused = self._hook(Instrument.message_refused)
        self.responded = self._hook(Instrument.responded)
        self.record_produced = self._hook(Instrument.record_produced)
        self.call_begun = self._hook(Instrument.call_begun)
        self.call_ended = self._hook(Instrument.call_ended)
        self.reply_forwarded = self._hook(Instrument.reply_forwarded)
        self.propagation: Propagation | None = next(
            (Propagation(each, self._drop) for each in self._all if isinstance(each, Propagating)), None
        )
        """The first instrument that adds headers to messages."""

    def add(self, instrument: Instrument) -> None:
        """Call *instrument*, too, from now on. It must not listen to handlers or batches: these are bound before."""
        for hook in _HOOKS:
            if _overrides(instrument, hook):
                getattr(self, hook).add(instrument, getattr(instrument, hook))

    @property
    def exposing(self) -> Exposing | None:
        """The instrument to show at ``/metrics``: the first that can be shown."""
        return next((each for each in self._all if isinstance(each, Exposing)), None)

    @property
    def observe_batches(self) -> bool:
        """Whether one of them listens to batches or handlers."""
        return self.handler_started.heard or self.handler_ended.heard or self.batch_ended.heard

    def _hook(self, base: Callable[[Instrument, _E], None]) -> Hook[_E]:
        name = base.__name__
        return Hook([(each, getattr(each, name)) for each in self._all if _overrides(each, name)], self._drop)

    def _drop(self, instrument: Instrument) -> None:
        for hook in vars(self).values():
            if isinstance(hook, Hook | Propagation):
                hook.remove(instrument)


def _overrides(instrument: Instrument, name: str) -> bool:
    hook = getattr(instrument, name)
    return getattr(hook, "__func__", hook) is not getattr(Instrument, name)


_HOOKS: Final = tuple(name for name in vars(Instrument) if not name.startswith("_"))


def instrument_problems(instruments: Iterable[object]) -> Iterator[str]:
    """The problems of *instruments*, one text each."""
    for each in instruments:
        if isinstance(each, type) and issubclass(each, Instrument):
            yield f"instruments=: expected instances, got a class; write {each.__name__}()"
        elif not isinstance(each, Instrument):
            yield f"instruments=: expected instances of Instrument, got {each!r}"
        else:
            for name in _HOOKS:
                if inspect.iscoroutinefunction(getattr(each, name)):
                    yield f"instruments=: expected plain methods, got async def {type(each).__name__}.{name}"
