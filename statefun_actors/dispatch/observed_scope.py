"""The scope of an observed batch: it reports which handler starts, and which attempt fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Self

from msgspec.structs import replace

from statefun_actors.definition import Scope
from statefun_actors.dispatch.events import BatchEnded, HandlerEnded, HandlerStarted
from statefun_actors.dispatch.instruments import Instruments
from statefun_actors.host import Host
from statefun_actors.model import Batch, Done, Effect, Egress, Failed, Headers, Invocation, Outcome, Send, SendAfter


class ObservedBatch(Batch, frozen=True):
    """A batch with the run that observes it."""

    run: ObservedRun


class ObservedRun:
    """One run of one batch. A handler ends where the next one starts, or where the batch ends."""

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
        self.end_handler(None)
        self._begun += self._attempt == 1
        self._running = (handler, invocation, self._attempt)
        self._instruments.handler_started(HandlerStarted(self.batch.target, *self._running))
        self._attempt = 1
        self._started = self.monotonic()

    def again(self, attempt: int) -> None:
        """The next handler that starts is this *attempt* of its message."""
        self._attempt = attempt

    def end_handler(self, error: BaseException | None) -> None:
        """The handler that runs, if one does, ended."""
        if self._running is None:
            return
        seconds = self.monotonic() - self._started
        running, self._running = self._running, None
        self._instruments.handler_ended(HandlerEnded(self.batch.target, *running, seconds, error))

    def end(self, outcome: Outcome | None, error: BaseException | None) -> None:
        """The batch ended with *outcome*, or was stopped by *error*."""
        if isinstance(outcome, Failed):
            error = outcome.error
            # An index beyond the last handler is that of a message that no handler takes.
            self.end_handler(error if outcome.index == self._begun - 1 else None)
        else:
            self.end_handler(error)
        seconds = self.monotonic() - self._began
        failures = outcome.failures if isinstance(outcome, Done) else ()
        self._instruments.batch_ended(BatchEnded(self.batch, outcome, seconds, error, failures))


class _Effects(list[Effect]):
    """Effects that get the headers of *outgoing* when they are added, so that no code that adds one knows of them."""

    def __init__(self, outgoing: Callable[[], Headers | None]) -> None:
        super().__init__()
        self._outgoing = outgoing

    def append(self, effect: Effect) -> None:
        if effect.__class__ in _WITH_HEADERS and (headers := self._outgoing()) is not None:
            effect = replace(effect, headers=headers)
        super().append(effect)


_WITH_HEADERS: Final = frozenset({Egress, Send, SendAfter})


class ObservedScope(Scope):
    """A scope over an :class:`ObservedBatch`."""

    @classmethod
    def of(cls, batch: Batch, host: Host, record_egresses: frozenset[str]) -> Self:
        scope = super().of(batch, host, record_egresses)
        outgoing = scope._run.outgoing  # noqa: SLF001 - its own
        if outgoing is not None:
            scope.effects = _Effects(outgoing)
        return scope

    @property
    def _run(self) -> ObservedRun:
        assert isinstance(self.batch, ObservedBatch)
        return self.batch.run

    def begin(self, handler: str, invocation: Invocation) -> None:
        self._run.begin(handler, invocation)
        super().begin(handler, invocation)

    def failed(self, error: BaseException, *, started: bool) -> None:
        if started:
            self._run.end_handler(error)

    def again(self, attempt: int) -> None:
        self._run.again(attempt)
