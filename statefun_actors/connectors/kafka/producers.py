"""Creates the producers of an egress, with its properties and ours."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import KafkaError, Producer

from statefun_actors.connectors.kafka.properties import client
from statefun_actors.deploy import KafkaEgress

PRODUCER_DEFAULTS: Final = {
    "partitioner": "murmur2_random",  # the Java client's: a key goes to the partition that Flink would choose
    "linger.ms": "0",  # batches are complete when they arrive
    "reconnect.backoff.ms": "50",
    "reconnect.backoff.max.ms": "1000",
    "topic.metadata.propagation.max.ms": "3000",  # the client's 30 s are longer than a writer waits for answers
}
"""Defaults, which module.yaml may override."""
_LAST: Final = 10.0
"""Timeout of a producer's last answers, in seconds."""
_TRANSACTIONAL: Final = {"metadata.recovery.strategy": "none"}
"""More defaults for transactions. By default, a client that can reach none of its brokers bootstraps again, and then it
can't commit: see ``Transactions``. A writer without an answer is replaced instead.
"""


def check_properties(egress: KafkaEgress) -> None:
    """Raises BadPropertyError if the client refuses the properties of *egress*."""
    producer(egress, "check" if egress.delivery == "exactly-once" else None, lambda _: None)


def producer(egress: KafkaEgress, id: str | None, on_error: Callable[[KafkaError], None]) -> Producer:
    """A producer of *egress*; *id* is its transactional id, if it uses transactions.

    Raises:
        BadPropertyError: the client refuses the properties of *egress*.
    """
    own = {
        "bootstrap.servers": egress.address,
        "enable.idempotence": True,
        "error_cb": on_error,
        "log_level": 0,  # log lines are reported as errors, too
        **_own(egress, id),
    }
    defaults = PRODUCER_DEFAULTS if id is None else {**PRODUCER_DEFAULTS, **_TRANSACTIONAL}
    return client(name_of(egress), Producer, own, {**defaults, **egress.properties})


def name_of(egress: KafkaEgress) -> str:
    """The name of *egress* in logs and errors."""
    return f"Kafka egress {egress.id}"


def let_go(producer: Producer) -> None:
    """Destroy *producer* in a daemon thread, with its writes in progress: that may take forever."""
    threading.Thread(target=_end, args=(producer,), daemon=True, name="statefun-actors Kafka producer, ending").start()


class NeverEnded:
    """Clients with a broken transaction, which librdkafka may hang or crash on if they are destroyed soon.

    The newest *most* are kept; each has threads, sockets and memory. By the time that another one is let go, later
    clients of its id have fenced it, and its writes were purged.
    """

    def __init__(self, most: int) -> None:
        self._most, self._kept = most, deque[Producer]()

    def keep(self, producer: Producer) -> None:
        """Keep *producer* for a while."""
        self._kept.append(producer)
        if len(self._kept) > self._most:
            let_go(self._kept.popleft())

    def __len__(self) -> int:
        return len(self._kept)


def _end(producer: Producer) -> None:
    producer.purge()
    producer.flush(_LAST)
    # The last reference to it ends here.


def _own(egress: KafkaEgress, id: str | None) -> dict[str, Any]:
    if id is None:
        return {"message.timeout.ms": 0}
    timeout = egress.transaction_timeout
    limit = {} if timeout is None else {"transaction.timeout.ms": int(timeout.total_seconds() * 1000)}
    return {"transactional.id": id, **limit}
