"""The Kafka clusters that a run reads from and writes to: their ids, and the topics that they lack."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from statefun_actors.deploy import KafkaEgress, KafkaIngress, Module, Served


def local_cluster(module: Module, id: str | None) -> Mapping[str, str | None]:
    """The clusters of *module*, all of whose brokers are the local one; *id* is None if that has no log yet."""
    from statefun_actors.deploy import kafka_component_name

    return {kafka_component_name(component): id for component in _components(module)}


def far_clusters(module: Module) -> Mapping[str, str]:
    """The clusters of *module*, asked for at their brokers. Those that can't be found out are missing."""
    from statefun_actors.deploy import kafka_component_name

    if importlib.util.find_spec("confluent_kafka") is None:
        return {}
    from statefun_actors.connectors.kafka import cluster_id

    found: dict[tuple[str, frozenset[tuple[str, str]]], str | None] = {}
    clusters = {}
    for component in _components(module):
        brokers = (component.address, frozenset(component.properties.items()))
        if brokers not in found:
            found[brokers] = cluster_id(component)
        if (id := found[brokers]) is not None:
            clusters[kafka_component_name(component)] = id
    return clusters


def missing_topics_of(module: Module, served: Served) -> Iterator[str]:
    """A warning for each topic that the source of the application names and the brokers of *module* do not have."""
    if importlib.util.find_spec("confluent_kafka") is None:
        return
    from statefun_actors.connectors.kafka import missing_topics

    for egress in module.kafka_egresses:
        for topic in missing_topics(egress, served.topics.get(egress.id, ())):
            yield (
                f"{egress.id}: there is no topic {topic!r} at {egress.address}. Create it: Flink fails the job at its "
                "first record, unless the brokers create topics."
            )


def _components(module: Module) -> list[KafkaIngress | KafkaEgress]:
    return [*module.kafka_ingresses, *module.kafka_egresses]
