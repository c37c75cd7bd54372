"""The metrics: their names, kinds and labels, the same for Prometheus and OpenTelemetry.

Labels have bounded values: function types, handlers, classes of errors and egresses, never ids.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct

MetricKind: TypeAlias = Literal["counter", "gauge", "histogram"]

_HANDLER_SECONDS: Final = (0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60)
_COMMIT_SECONDS: Final = (0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5)
_ANSWER_SECONDS: Final = (0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)
_LATE_SECONDS: Final = (0.001, 0.01, 0.1, 1, 10, 60, 600, 3_600, 86_400)
_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)


class Metric(Struct, frozen=True):
    """One metric; ``name`` is without prefix and without ``_total``. ``buckets``: upper bounds, of a histogram."""

    name: str
    kind: MetricKind
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()


METRICS: Final = (
    Metric("messages_taken", "counter", ("type", "source"), "Messages that entered a mailbox."),
    Metric("attempts", "counter", ("type", "handler", "outcome"), "Attempts of handlers: ok, error or stopped."),
    Metric("handler_seconds", "histogram", ("type", "handler"), "Time of each attempt of a handler.", _HANDLER_SECONDS),
    Metric("handler_failures", "counter", ("type", "handler", "error"), "Attempts that raised."),
    Metric("batch_messages", "histogram", (), "Messages per batch.", _SIZES),
    Metric("batches_failed", "counter", ("type", "error"), "Batches that failed as a whole."),
    Metric("messages_given_up", "counter", ("type", "settlement"), "Messages that a policy gave up."),
    Metric("messages_refused", "counter", ("handler",), "Messages that internal handlers refused, and restores."),
    Metric("loop_held", "counter", ("handler",), "Steps that held the event loop for over 0.1 s."),
    Metric("mailbox_messages", "gauge", (), "Messages waiting at the last commit."),
    Metric("paused", "gauge", (), "Entities and types that were paused at the last commit."),
    Metric("epoch_messages", "histogram", (), "Messages per epoch.", _SIZES),
    Metric("epoch_entities", "counter", (), "States of entities written."),
    Metric("commit_seconds", "histogram", (), "Time of a commit in the store.", _COMMIT_SECONDS),
    Metric("dead_letters", "counter", (), "Messages that became dead letters."),
    Metric("discarded", "counter", (), "Messages that were discarded."),
    Metric("timer_late_seconds", "histogram", (), "How late delayed messages were taken.", _LATE_SECONDS),
    Metric("egress_waiting", "gauge", ("egress",), "Records that their sink had not written at the last commit."),
    Metric("egress_failing", "gauge", ("egress",), "1 while the sink can't write all records, 0 after it has."),
    Metric("egress_delivered", "counter", ("egress",), "Records that a sink wrote."),
    Metric("egress_failures", "counter", ("egress",), "Times that a sink could not write."),
    Metric("asks_open", "gauge", (), "Asks that were open at the last commit."),
    Metric("asks_opened", "counter", (), "Asks that entities opened."),
    Metric("asks_ended", "counter", (), "Answers and timeouts of asks."),
    Metric("responses", "counter", ("status",), "Responses of the HTTP ingress."),
    Metric("gateway_records", "counter", ("topic", "outcome"), "Records that a gateway wrote, or could not write."),
    Metric("gateway_waiting", "gauge", (), "Answers of the Flink job that a gateway waits for."),
    Metric("gateway_answers", "counter", ("outcome",), "Answers that a gateway has waited for."),
    Metric("gateway_answer_seconds", "histogram", (), "Time of a gateway's wait for an answer.", _ANSWER_SECONDS),
    Metric("gateway_replies", "counter", ("outcome",), "Replies from outside that a gateway forwarded."),
)
