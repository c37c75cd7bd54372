"""``Measuring``: an instrument that turns events into the values of the metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from statefun_actors.asking import ANSWER, ORDER, REPLY
from statefun_actors.dispatch import (
    BatchEnded,
    EgressDelivered,
    EgressFailed,
    EpochCommitted,
    HandlerEnded,
    Instrument,
    LoopHeld,
    MessageRefused,
    MessageTaken,
    TimerFired,
)
from statefun_actors.telemetry.definitions import METRICS, Metric

_MOST_VALUES: Final = 1_000
"""Values of one label that senders can choose; further ones are counted as ``other``."""


class Record(Protocol):
    """Adds *value* to a counter, sets a gauge to it, or counts it in a histogram. *labels*: values, in their order."""

    def __call__(self, value: float, /, *labels: str) -> None: ...


class Measuring(Instrument):
    """Records the metrics by the functions that *recorder* makes, one for each metric."""

    def __init__(self, recorder: Callable[[Metric], Record]) -> None:
        record = {metric.name: recorder(metric) for metric in METRICS}
        self._types, self._errors = _Values(), _Values()
        self._taken, self._attempts = record["messages_taken"], record["attempts"]
        self._handlers, self._failures = record["handler_seconds"], record["handler_failures"]
        self._batch, self._failed = record["batch_messages"], record["batches_failed"]
        self._given_up, self._refused = record["messages_given_up"], record["messages_refused"]
        self._held, self._waiting = record["loop_held"], record["mailbox_messages"]
        self._paused = record["paused"]
        self._epoch, self._entities = record["epoch_messages"], record["epoch_entities"]
        self._commit, self._late = record["commit_seconds"], record["timer_late_seconds"]
        self._dead_letters, self._discarded = record["dead_letters"], record["discarded"]
        self._backlog, self._failing = record["egress_waiting"], record["egress_failing"]
        self._delivered, self._undelivered = record["egress_delivered"], record["egress_failures"]
        self._opened, self._ended = record["asks_opened"], record["asks_ended"]
        self._open = record["asks_open"]

    def message_taken(self, event: MessageTaken) -> None:
        typename = event.target.typename
        self._taken(1, self._types.bounded(typename), event.source)
        if typename == REPLY and event.message_type == ORDER:
            self._opened(1)
        elif event.message_type == ANSWER and event.caller is not None and event.caller.typename == REPLY:
            self._ended(1)

    def handler_ended(self, event: HandlerEnded) -> None:
        typename, error = event.target.typename, event.error
        self._handlers(event.seconds, typename, event.handler)
        if error is None:
            self._attempts(1, typename, event.handler, "ok")
            return
        self._attempts(1, typename, event.handler, "stopped" if isinstance(error, asyncio.CancelledError) else "error")
        self._failures(1, typename, event.handler, self._errors.bounded(type(error).__name__))

    def batch_ended(self, event: BatchEnded) -> None:
        typename = self._types.bounded(event.target.typename)
        self._batch(event.size)
        if event.error is not None:
            self._failed(1, typename, self._errors.bounded(type(event.error).__name__))
        for failure in event.failures:
            self._given_up(1, typename, failure.settlement.value)

    def epoch_committed(self, event: EpochCommitted) -> None:
        self._epoch(event.messages)
        self._waiting(event.waiting)
        self._paused(event.paused)
        if event.asks is not None:
            self._open(event.asks)
        self._entities(event.entities)
        self._dead_letters(event.dead_letters)
        self._discarded(event.discarded)
        if event.seconds:  # 0: there was nothing to write
            self._commit(event.seconds)
        for egress, records in event.egress_waiting.items():
            self._backlog(records, egress)

    def timer_fired(self, event: TimerFired) -> None:
        self._late(event.late_by)

    def egress_delivered(self, event: EgressDelivered) -> None:
        self._delivered(event.records, event.egress)
        self._failing(0, event.egress)

    def egress_failed(self, event: EgressFailed) -> None:
        self._undelivered(1, event.egress)
        self._failing(1, event.egress)

    def loop_held(self, event: LoopHeld) -> None:
        self._held(1, event.handler)

    def message_refused(self, event: MessageRefused) -> None:
        self._refused(1, event.handler)


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
