"""The Kafka clusters that a run reads from and writes to: their ids, those of topics, and the topics that they lack."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from statefun_actors.cli.extras import has_kafka_client
from statefun_actors.cli.output import echo

if TYPE_CHECKING:
    from statefun_actors.connectors.kafka import ClusterFacts
    from statefun_actors.deploy import KafkaEgress, KafkaIngress, Module, Served, TopicIds


_LOOK_SECONDS: Final = 0.25
"""Seconds between two looks into the broker's log."""


def local_cluster(module: Module, id: str | None) -> Mapping[str, str | None]:
    """The clusters of *module*, all of whose brokers are the local one; *id* is None if that has no log yet."""
    from statefun_actors.deploy import kafka_component_name

    return {kafka_component_name(component): id for component in _components(module)}


def far_clusters(module: Module) -> Mapping[str, ClusterFacts]:
    """The clusters of *module*, asked for at their brokers. Those that can't be found out are missing."""
    if not has_kafka_client():
        return {}
    echo("Asking the brokers.", err=True)  # it may take some seconds
    return asyncio.run(_ask(module))


async def _ask(module: Module) -> Mapping[str, ClusterFacts]:
    from statefun_actors.connectors.kafka import ask_clusters

    return await ask_clusters(_components(module))


def ids_of(clusters: Mapping[str, ClusterFacts]) -> Mapping[str, str]:
    """The ids of *clusters* that are known."""
    return {name: cluster.id for name, cluster in clusters.items() if cluster.id is not None}


def local_topics(module: Module, ids: Mapping[str, str]) -> TopicIds:
    """The ids of the topics that *module* reads, all of them in the local broker's log, which has *ids*."""
    return {
        ingress.id: {topic.topic: ids.get(topic.topic) for topic in ingress.topics}
        for ingress in module.kafka_ingresses
    }


async def made_topics(module: Module, folder: Path) -> TopicIds:
    """As :func:`local_topics`, once the broker of the cluster in *folder* has made all of them."""
    from statefun_actors.cluster import kafka_topic_ids

    while True:
        topics = local_topics(module, kafka_topic_ids(folder))
        if all(id is not None for ids in topics.values() for id in ids.values()):
            return topics
        await asyncio.sleep(_LOOK_SECONDS)


def far_topics(module: Module, clusters: Mapping[str, ClusterFacts]) -> TopicIds:
    """The ids of the topics that *module* reads from *clusters*."""
    from statefun_actors.deploy import kafka_component_name

    found: dict[str, dict[str, str | None]] = {}
    for ingress in module.kafka_ingresses:
        cluster = clusters.get(kafka_component_name(ingress))
        if cluster is None or cluster.topics is None:
            continue
        names = [topic.topic for topic in ingress.topics]
        known = [name for name in names if name in cluster.topic_ids or name not in cluster.topics]
        found[ingress.id] = {name: cluster.topic_ids.get(name) for name in known}
    return found


def missing_topics(module: Module, served: Served, clusters: Mapping[str, ClusterFacts]) -> Iterator[str]:
    """A warning for each topic that the source of the application names and *clusters*, of *module*, do not have."""
    from statefun_actors.deploy import kafka_component_name

    for egress in module.kafka_egresses:
        cluster = clusters.get(kafka_component_name(egress))
        if cluster is None or cluster.topics is None:
            continue
        for topic in served.topics.get(egress.id, ()):
            if topic not in cluster.topics:
                yield (
                    f"{egress.id}: there is no topic {topic!r} at {egress.address}. Create it: Flink fails the job at "
                    "its first record, unless the brokers create topics."
                )


def _components(module: Module) -> list[KafkaIngress | KafkaEgress]:
    return [*module.kafka_ingresses, *module.kafka_egresses]
