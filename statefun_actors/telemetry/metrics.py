"""``Metrics``: an instrument that fills a Prometheus registry, which ``GET /metrics`` shows.

Labels have bounded values: function types, handlers, classes of errors and egresses, never ids.
"""

from __future__ import annotations

from typing import Final

from statefun_actors.asking import ANSWER, ORDER, REPLY
from statefun_actors.dispatch import (
    BatchEnded,
    EgressDelivered,
    EgressFailed,
    EpochCommitted,
    Exposing,
    HandlerEnded,
    LoopHeld,
    MessageRefused,
    MessageTaken,
    TimerFired,
)

try:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
    from prometheus_client.exposition import choose_encoder
except ImportError as error:
    raise ImportError(
        'statefun_actors.telemetry needs prometheus-client: pip install "statefun-actors[metrics]"'
    ) from error

_MOST_VALUES: Final = 1_000
"""Values of one label that senders can choose; further ones are counted as ``other``."""
_HANDLER_SECONDS: Final = (0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60)
_COMMIT_SECONDS: Final = (0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5)
_LATE_SECONDS: Final = (0.001, 0.01, 0.1, 1, 10, 60, 600, 3_600, 86_400)
_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)


class Metrics(Exposing):
    """Counts what happens in a registry of its own: ``instruments=[Metrics()]``.

    The HTTP ingress of a runtime or of ``run``, and an endpoint, show it at ``GET /metrics``. One instance is for one
    application in one process.

    ===================================  ==========  ========================  =======================================
    name, after ``statefun_actors_``     kind        labels                    what
    ===================================  ==========  ========================  =======================================
    ``messages_taken_total``             counter     type, source              messages that entered a mailbox
    ``handler_seconds``                  histogram   type, handler             time of each attempt of a handler
    ``handler_failures_total``           counter     type, handler, error      attempts that raised
    ``batch_messages``                   histogram                             messages per batch
    ``batches_failed_total``             counter     type, error               batches that failed as a whole
    ``messages_given_up_total``          counter     type, settlement          messages that a failure policy gave up
    ``messages_refused_total``           counter     handler                   from outside, for an internal handler
    ``loop_held_total``                  counter     handler                   steps that held the event loop > 0.1 s
    ``mailbox_messages``                 gauge                                 messages waiting at the last commit
    ``epoch_messages``                   histogram                             messages per epoch
    ``epoch_entities_total``             counter                               states of entities written
    ``commit_seconds``                   histogram                             time of a commit in the store
    ``dead_letters_total``               counter                               messages that became dead letters
    ``discarded_total``                  counter                               messages that were discarded
    ``timer_late_seconds``               histogram                             how late delayed messages were taken
    ``egress_delivered_total``           counter     egress                    records that a sink wrote
    ``egress_failures_total``            counter     egress                    times that a sink could not write
    ``asks_opened_total``                counter                               asks that entities opened
    ``asks_ended_total``                 counter                               answers and timeouts of asks
    ===================================  ==========  ========================  =======================================

    An endpoint for Flink has those of handlers and batches only: Flink does the rest, and has metrics for it.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

        def counter(name: str, help: str, *labels: str) -> Counter:
            return Counter(f"statefun_actors_{name}", help, labels, registry=self.registry)

        def histogram(name: str, help: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"statefun_actors_{name}", help, labels, registry=self.registry, buckets=buckets)

        self._types, self._errors = _Values(), _Values()
        self._taken = counter("messages_taken", "Messages that entered a mailbox.", "type", "source")
        self._handlers = histogram(
            "handler_seconds", "Time of each attempt of a handler.", _HANDLER_SECONDS, "type", "handler"
        )
        self._failures = counter("handler_failures", "Attempts that raised.", "type", "handler", "error")
        self._batch = histogram("batch_messages", "Messages per batch.", _SIZES)
        self._failed = counter("batches_failed", "Batches that failed as a whole.", "type", "error")
        self._given_up = counter("messages_given_up", "Messages that a policy gave up.", "type", "settlement")
        self._refused = counter("messages_refused", "Messages that internal handlers refused.", "handler")
        self._held = counter("loop_held", "Steps that held the event loop for over 0.1 s.", "handler")
        self._waiting = Gauge(
            "statefun_actors_mailbox_messages", "Messages waiting at the last commit.", registry=self.registry
        )
        self._epoch = histogram("epoch_messages", "Messages per epoch.", _SIZES)
        self._entities = counter("epoch_entities", "States of entities written.")
        self._commit = histogram("commit_seconds", "Time of a commit in the store.", _COMMIT_SECONDS)
        self._dead_letters = counter("dead_letters", "Messages that became dead letters.")
        self._discarded = counter("discarded", "Messages that were discarded.")
        self._late = histogram("timer_late_seconds", "How late delayed messages were taken.", _LATE_SECONDS)
        self._delivered = counter("egress_delivered", "Records that a sink wrote.", "egress")
        self._undelivered = counter("egress_failures", "Times that a sink could not write.", "egress")
        self._opened = counter("asks_opened", "Asks that entities opened.")
        self._ended = counter("asks_ended", "Answers and timeouts of asks.")

    def expose(self, accept: str) -> tuple[str, bytes]:
        encode, content_type = choose_encoder(accept)
        return content_type, encode(self.registry)

    def message_taken(self, event: MessageTaken) -> None:
        typename = event.target.typename
        self._taken.labels(self._types.bounded(typename), event.source).inc()
        if typename == REPLY and event.message_type == ORDER:
            self._opened.inc()
        elif event.message_type == ANSWER and event.caller is not None and event.caller.typename == REPLY:
            self._ended.inc()

    def handler_ended(self, event: HandlerEnded) -> None:
        typename = event.target.typename
        self._handlers.labels(typename, event.handler).observe(event.seconds)
        if event.error is not None:
            error = self._errors.bounded(type(event.error).__name__)
            self._failures.labels(typename, event.handler, error).inc()

    def batch_ended(self, event: BatchEnded) -> None:
        typename = self._types.bounded(event.target.typename)
        self._batch.observe(event.size)
        if event.error is not None:
            self._failed.labels(typename, self._errors.bounded(type(event.error).__name__)).inc()
        for failure in event.failures:
            self._given_up.labels(typename, failure.settlement.value).inc()

    def epoch_committed(self, event: EpochCommitted) -> None:
        self._epoch.observe(event.messages)
        self._waiting.set(event.waiting)
        self._entities.inc(event.entities)
        self._dead_letters.inc(event.dead_letters)
        self._discarded.inc(event.discarded)
        if event.seconds:  # 0: there was nothing to write
            self._commit.observe(event.seconds)

    def timer_fired(self, event: TimerFired) -> None:
        self._late.observe(event.late_by)

    def egress_delivered(self, event: EgressDelivered) -> None:
        self._delivered.labels(event.egress).inc(event.records)

    def egress_failed(self, event: EgressFailed) -> None:
        self._undelivered.labels(event.egress).inc()

    def loop_held(self, event: LoopHeld) -> None:
        self._held.labels(event.handler).inc()

    def message_refused(self, event: MessageRefused) -> None:
        self._refused.labels(event.handler).inc()


class _Values:
    """Bounds the values of a label: a sender can address any function type, and code can make any class of error."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def bounded(self, value: str) -> str:
        """*value*, or ``other`` where there are too many different ones."""
        if value not in self._known:
            if len(self._known) >= _MOST_VALUES:
                return "other"
            self._known.add(value)
        return value
