"""What the brokers of an ingress or egress say of their cluster: its id, its topics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from statefun_actors.connectors.kafka.errors import BadPropertyError
from statefun_actors.connectors.kafka.properties import client
from statefun_actors.deploy import KafkaEgress, KafkaIngress, kafka_component_name

_SECONDS: Final = 3.0


def cluster_id(component: KafkaIngress | KafkaEgress) -> str | None:
    """The id of the cluster of *component*, which its brokers keep for ever.

    None if no broker answers within 3 seconds, or if only a client in Java can read its properties.
    """
    try:
        id: str | None = _admin(component).describe_cluster(request_timeout=_SECONDS).result(2 * _SECONDS).cluster_id
    except (BadPropertyError, KafkaException, TimeoutError):
        return None
    return id


def missing_topics(egress: KafkaEgress, topics: Sequence[str]) -> Sequence[str]:
    """Those of *topics* that do not exist. Empty if no broker answers within 3 seconds, as :func:`cluster_id`."""
    if not topics:
        return ()
    try:
        there = _admin(egress).list_topics(timeout=_SECONDS).topics
    except (BadPropertyError, KafkaException):
        return ()
    return [topic for topic in topics if topic not in there]


def _admin(component: KafkaIngress | KafkaEgress) -> AdminClient:
    own = {"bootstrap.servers": component.address, "log_level": 0}
    return client(f"Kafka {kafka_component_name(component)}", AdminClient, own, component.properties)
