"""The producers of an egress: their properties, and ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import KafkaError, Producer

from statefun_actors.connectors.kafka.properties import client
from statefun_actors.deploy import KafkaEgress

_DEFAULTS: Final = {
    "partitioner": "murmur2_random",  # the Java client's: a key goes to the partition that Flink would choose
    "linger.ms": "0",  # what is written together comes together
    "reconnect.backoff.ms": "50",
    "reconnect.backoff.max.ms": "1000",
}
"""module.yaml may say otherwise."""
_TRANSACTIONAL: Final = {"metadata.recovery.strategy": "none"}
"""Beside them. A client that has begun anew from its bootstrap servers, as it would once none of its brokers can be
reached, can commit no more: see ``Transactions``. A writer that nobody answers is made anew itself.
"""


def check_properties(egress: KafkaEgress) -> None:
    """Raises BadPropertyError, if the properties of *egress* make no producer."""
    producer(egress, "check" if egress.delivery == "exactly-once" else None, lambda _: None)


def producer(egress: KafkaEgress, id: str | None, on_error: Callable[[KafkaError], None]) -> Producer:
    """One of *egress*; *id* is that of its transactions, if it is to have any.

    Raises:
        BadPropertyError: the properties of *egress* make no producer.
    """
    own = {
        "bootstrap.servers": egress.address,
        "enable.idempotence": True,
        "error_cb": on_error,
        "log_level": 0,  # what would be printed comes as an error, too
        **_own(egress, id),
    }
    defaults = _DEFAULTS if id is None else {**_DEFAULTS, **_TRANSACTIONAL}
    return client(name_of(egress), Producer, own, {**defaults, **egress.properties})


def name_of(egress: KafkaEgress) -> str:
    """What it is called where something is told of it."""
    return f"Kafka egress {egress.id}"


def _own(egress: KafkaEgress, id: str | None) -> dict[str, Any]:
    if id is None:
        return {"message.timeout.ms": 0}
    timeout = egress.transaction_timeout
    limit = {} if timeout is None else {"transaction.timeout.ms": int(timeout.total_seconds() * 1000)}
    return {"transactional.id": id, **limit}
