"""``Measuring``: an instrument that turns events into the values of the metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

from statefun_actors.asking import ANSWER, ORDER, REPLY
from statefun_actors.dispatch import (
    BatchEnded,
    CallBegun,
    CallEnded,
    EgressDelivered,
    EgressFailed,
    EpochCommitted,
    HandlerEnded,
    Instrument,
    LoopHeld,
    MessageRefused,
    MessageTaken,
    RecordProduced,
    ReplyForwarded,
    Responded,
    TimerFired,
)
from statefun_actors.telemetry.definitions import METRICS, Metric

_MOST_VALUES: Final = 1_000
"""Values of one label that senders can choose; further ones are counted as ``other``."""


Record: TypeAlias = Callable[[float], None]
"""Adds a value to a counter, sets a gauge to it, or counts it in a histogram."""


class Recorder(Protocol):
    """Makes the record of one metric for the values *labels* of its labels, in their order."""

    def __call__(self, *labels: str) -> Record: ...


class _Series(dict[tuple[str, ...], Record]):
    """The records of one metric by the values of its labels. Each is made once: the lookup of a client takes longer."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __missing__(self, labels: tuple[str, ...]) -> Record:
        record = self[labels] = self._recorder(*labels)
        return record


class Measuring(Instrument):
    """Records the metrics by what *recorder* makes, one for each metric."""

    def __init__(self, recorder: Callable[[Metric], Recorder]) -> None:
        series = {metric.name: _Series(recorder(metric)) for metric in METRICS}
        record = {metric.name: series[metric.name][()] for metric in METRICS if not metric.labels}
        self._types, self._errors = _Values(), _Values()
        self._taken, self._attempts = series["messages_taken"], series["attempts"]
        self._handlers, self._failures = series["handler_seconds"], series["handler_failures"]
        self._batch, self._failed = record["batch_messages"], series["batches_failed"]
        self._given_up, self._refused = series["messages_given_up"], series["messages_refused"]
        self._held, self._waiting = series["loop_held"], record["mailbox_messages"]
        self._paused = record["paused"]
        self._epoch, self._entities = record["epoch_messages"], record["epoch_entities"]
        self._commit, self._late = record["commit_seconds"], record["timer_late_seconds"]
        self._dead_letters, self._discarded = record["dead_letters"], record["discarded"]
        self._backlog, self._failing = series["egress_waiting"], series["egress_failing"]
        self._delivered, self._undelivered = series["egress_delivered"], series["egress_failures"]
        self._opened, self._ended = record["asks_opened"], record["asks_ended"]
        self._open = record["asks_open"]
        self._responses, self._replies = series["responses"], series["gateway_replies"]
        self._records, self._answers = series["gateway_records"], series["gateway_answers"]
        self._awaited, self._answer_seconds = record["gateway_waiting"], record["gateway_answer_seconds"]

    def message_taken(self, event: MessageTaken) -> None:
        typename = event.target.typename
        self._taken[self._types.bounded(typename), event.source](1)
        if typename == REPLY and event.message_type == ORDER:
            self._opened(1)
        elif event.message_type == ANSWER and event.caller is not None and event.caller.typename == REPLY:
            self._ended(1)

    def handler_ended(self, event: HandlerEnded) -> None:
        typename, error = event.target.typename, event.error
        handler = event.handler
        self._handlers[typename, handler](event.seconds)
        if error is None:
            self._attempts[typename, handler, "ok"](1)
            return
        self._attempts[typename, handler, "stopped" if isinstance(error, asyncio.CancelledError) else "error"](1)
        self._failures[typename, handler, self._errors.bounded(type(error).__name__)](1)

    def batch_ended(self, event: BatchEnded) -> None:
        batch = event.batch
        self._batch(len(batch.invocations))
        if event.error is None and not event.failures:  # as nearly all are
            return
        typename = self._types.bounded(batch.target.typename)
        if event.error is not None:
            self._failed[typename, self._errors.bounded(type(event.error).__name__)](1)
        for failure in event.failures:
            self._given_up[typename, failure.settlement.value](1)

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
            self._backlog[(egress,)](records)

    def timer_fired(self, event: TimerFired) -> None:
        self._late(event.late_by)

    def egress_delivered(self, event: EgressDelivered) -> None:
        self._delivered[(event.egress,)](event.records)
        self._failing[(event.egress,)](int(event.failing))

    def egress_failed(self, event: EgressFailed) -> None:
        self._undelivered[(event.egress,)](1)
        self._failing[(event.egress,)](1)

    def loop_held(self, event: LoopHeld) -> None:
        self._held[(event.handler,)](1)

    def message_refused(self, event: MessageRefused) -> None:
        self._refused[(event.handler,)](1)

    def responded(self, event: Responded) -> None:
        self._responses[(str(event.status),)](1)

    def record_produced(self, event: RecordProduced) -> None:
        self._records[event.topic, event.outcome](1)

    def call_begun(self, event: CallBegun) -> None:
        self._awaited(event.waiting)

    def call_ended(self, event: CallEnded) -> None:
        self._awaited(event.waiting)
        self._answers[(event.outcome,)](1)
        self._answer_seconds(event.seconds)

    def reply_forwarded(self, event: ReplyForwarded) -> None:
        self._replies[(event.outcome,)](1)


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
