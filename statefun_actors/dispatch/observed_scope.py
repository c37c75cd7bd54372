"""The scope of an observed batch: it reports which handler starts, and which attempt fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Self

from msgspec.structs import replace

from statefun_actors.definition import Scope
from statefun_actors.dispatch.events import BatchEnded, HandlerEnded, HandlerStarted
from statefun_actors.dispatch.instruments import Instruments
from statefun_actors.host import Host
from statefun_actors.model import (
    INGRESS,
    Batch,
    Done,
    Effect,
    Egress,
    Failed,
    Headers,
    Invocation,
    MessageFailure,
    Outcome,
    Send,
    SendAfter,
)


class ObservedBatch(Batch, frozen=True):
    """A batch with the run that observes it."""

    run: ObservedRun


class ObservedRun:
    """One run of one batch. A handler ends where the next one starts, or where the batch ends.

    It runs for every message, so events that no instrument listens to are not built.
    """

    __slots__ = (
        *("_attempt", "_began", "_begun", "_instruments", "_running", "_started"),
        *("batch", "monotonic", "outgoing"),
    )

    def __init__(
        self,
        batch: Batch,
        host: Host,
        instruments: Instruments,
        outgoing: Callable[[], Headers | None] | None = None,
    ) -> None:
        self.batch, self.monotonic, self._instruments = batch, host.monotonic, instruments
        self.outgoing = outgoing
        """The headers of each message and record that a handler sends; None: they have none."""
        self._began = self._started = self.monotonic()
        self._running: tuple[str, Invocation, int] | None = None
        """The handler that has started and not ended: its name, its message, and which attempt it is."""
        self._attempt = 1
        """Which attempt the next start is."""
        self._begun = 0
        """Messages whose handlers have started."""

    def begin(self, handler: str, invocation: Invocation) -> None:
        """A handler starts, so the one before it has ended."""
        if self._running is not None:
            self.end_handler(None)
        attempt = self._attempt
        if attempt == 1:
            self._begun += 1
        else:
            self._attempt = 1
        self._running = (handler, invocation, attempt)
        started = self._instruments.handler_started
        if started.heard:
            started(HandlerStarted(self.batch.target, handler, invocation, attempt))
        self._started = self.monotonic()

    def again(self, attempt: int) -> None:
        """The next handler that starts is this *attempt* of its message."""
        self._attempt = attempt

    def end_handler(self, error: BaseException | None) -> None:
        """The handler that runs, if one does, ended."""
        running = self._running
        if running is None:
            return
        self._running = None
        ended = self._instruments.handler_ended
        if ended.heard:
            handler, invocation, attempt = running
            seconds = self.monotonic() - self._started
            ended(HandlerEnded(self.batch.target, handler, invocation, attempt, seconds, error))

    def end(self, outcome: Outcome | None, error: BaseException | None) -> None:
        """The batch ended with *outcome*, or was stopped by *error*."""
        failures: Sequence[MessageFailure] = ()
        if outcome.__class__ is Failed:
            assert isinstance(outcome, Failed)
            error = outcome.error
            # An index beyond the last handler is that of a message that no handler takes.
            self.end_handler(error if outcome.index == self._begun - 1 else None)
        else:
            self.end_handler(error)
            if isinstance(outcome, Done):
                failures = outcome.failures
        ended = self._instruments.batch_ended
        if ended.heard:
            ended(BatchEnded(self.batch, outcome, self.monotonic() - self._began, error, failures))


class _Effects(list[Effect]):
    """Effects that get the headers of *outgoing* when they are added, so that no code that adds one knows of them."""

    __slots__ = ("_outgoing",)

    def __init__(self, outgoing: Callable[[], Headers | None]) -> None:  # a list is empty without its own __init__
        self._outgoing = outgoing

    def append(self, effect: Effect) -> None:
        kind = effect.__class__
        if kind is Send:
            assert isinstance(effect, Send)
            # A reply to a call from outside is no message, and has no headers.
            if effect.target[0] != INGRESS and (headers := self._outgoing()) is not None:
                effect = Send(effect.target, effect.value, headers, effect.drawn)
        elif kind in _WITH_HEADERS and (headers := self._outgoing()) is not None:
            effect = replace(effect, headers=headers)
        super().append(effect)


_WITH_HEADERS: Final = frozenset({Egress, SendAfter})


class ObservedScope(Scope):
    """A scope over an :class:`ObservedBatch`."""

    run: ObservedRun | None = None

    @classmethod
    def of(cls, batch: Batch, host: Host, record_egresses: frozenset[str]) -> Self:
        assert isinstance(batch, ObservedBatch)
        run, invocations, target = batch.run, batch.invocations, batch.target
        first = invocations[0].argument.typename if invocations else ""
        scope = cls(batch, host, record_egresses, target, target[1], batch.state, first, run=run)
        if run.outgoing is not None:
            scope.effects = _Effects(run.outgoing)
        return scope

    def begin(self, handler: str, invocation: Invocation) -> None:
        run = self.run
        assert run is not None
        run.begin(handler, invocation)
        self.handler = handler
        self.invocation = invocation

    def failed(self, error: BaseException, *, started: bool) -> None:
        if started and self.run is not None:
            self.run.end_handler(error)

    def again(self, attempt: int) -> None:
        if self.run is not None:
            self.run.again(attempt)
