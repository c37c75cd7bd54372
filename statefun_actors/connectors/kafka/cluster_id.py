"""The id of a Kafka cluster, which its brokers keep for ever."""

from __future__ import annotations

from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from statefun_actors.connectors.kafka.errors import BadPropertyError
from statefun_actors.connectors.kafka.properties import client
from statefun_actors.deploy import KafkaEgress, KafkaIngress, kafka_component_name

_SECONDS: Final = 3.0


def cluster_id(component: KafkaIngress | KafkaEgress) -> str | None:
    """The id of the cluster of *component*.

    None if no broker answers within 3 seconds, or if only a client in Java can read its properties.
    """
    own = {"bootstrap.servers": component.address, "log_level": 0}
    try:
        admin = client(f"Kafka {kafka_component_name(component)}", AdminClient, own, component.properties)
        id: str | None = admin.describe_cluster(request_timeout=_SECONDS).result(2 * _SECONDS).cluster_id
    except (BadPropertyError, KafkaException, TimeoutError):
        return None
    return id
