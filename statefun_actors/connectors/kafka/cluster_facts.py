"""What the brokers of an ingress or egress say of their cluster: its id, its topics."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from statefun_actors.connectors.kafka.complaints import ALL_BROKERS_DOWN
from statefun_actors.connectors.kafka.errors import BadPropertyError
from statefun_actors.connectors.kafka.properties import client
from statefun_actors.deploy import KafkaEgress, KafkaIngress, kafka_component_name

_SECONDS: Final = 15.0


def cluster_id(component: KafkaIngress | KafkaEgress) -> str | None:
    """The id of the cluster of *component*, which its brokers keep for ever.

    None if no broker can be reached or answers within 15 seconds, or if only a client in Java can read its properties.
    """
    found = _asked(component)
    return None if found is None else found[1]


def missing_topics(egress: KafkaEgress, topics: Sequence[str]) -> Sequence[str]:
    """Those of *topics* that do not exist. Empty where :func:`cluster_id` is None."""
    if not topics or (found := _asked(egress)) is None:
        return ()
    try:
        there = found[0].list_topics(timeout=_SECONDS).topics
    except KafkaException:
        return ()
    return [topic for topic in topics if topic not in there]


def _asked(component: KafkaIngress | KafkaEgress) -> tuple[AdminClient, str | None] | None:
    """A client of the brokers of *component*, and the id of their cluster; None if they can't be asked."""
    down = threading.Event()

    def failed(error: KafkaError) -> None:
        if error.code() == ALL_BROKERS_DOWN:
            down.set()

    own = {"bootstrap.servers": component.address, "error_cb": failed, "log_level": 0}
    try:
        admin = client(f"Kafka {kafka_component_name(component)}", AdminClient, own, component.properties)
        asked = admin.describe_cluster(request_timeout=_SECONDS)
        while not asked.done():
            admin.poll(0.02)  # calls failed()
            if down.is_set():
                return None
        return admin, asked.result().cluster_id
    except (BadPropertyError, KafkaException):
        return None
