"""What the brokers of ingresses and egresses say of their cluster: its id, its topics."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

import attrs
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from statefun_actors.connectors import in_thread
from statefun_actors.connectors.kafka.complaints import ALL_BROKERS_DOWN
from statefun_actors.connectors.kafka.errors import BadPropertyError
from statefun_actors.connectors.kafka.ids import ids_of
from statefun_actors.connectors.kafka.properties import client, connecting
from statefun_actors.connectors.kafka.start import NoTopicError
from statefun_actors.deploy import KafkaEgress, KafkaIngress, kafka_component_name

_SECONDS: Final = 15.0
_THREAD: Final = "statefun-actors asking brokers"


@attrs.frozen
class ClusterFacts:
    """The ``id`` of a cluster, which its brokers keep for ever, and its ``topics``; None if they are unknown.

    ``topic_ids`` are those of the topics that were asked for, as far as they are known.
    """

    id: str | None
    topics: AbstractSet[str] | None
    topic_ids: Mapping[str, str] = attrs.field(factory=dict[str, str])


async def ask_clusters(components: Iterable[KafkaIngress | KafkaEgress]) -> Mapping[str, ClusterFacts]:
    """The clusters of *components*, by :func:`~statefun_actors.deploy.kafka_component_name`.

    All brokers are asked at the same time, and those of several components once. A component is missing if none of its
    brokers can be reached or answers within 15 seconds, or if only a client in Java can read its properties.
    """
    sharing: dict[object, list[KafkaIngress | KafkaEgress]] = {}
    for component in components:
        brokers = component.address, frozenset(connecting(component.properties).items())
        sharing.setdefault(brokers, []).append(component)
    answers = await asyncio.gather(*(ask_cluster(those[0], _topics(those)) for those in sharing.values()))
    return {
        kafka_component_name(component): answer
        for those, answer in zip(sharing.values(), answers, strict=True)
        if answer is not None
        for component in those
    }


def _topics(components: Iterable[KafkaIngress | KafkaEgress]) -> AbstractSet[str]:
    """The topics that *components* read."""
    return {topic.topic for each in components if isinstance(each, KafkaIngress) for topic in each.topics}


async def ask_cluster(
    component: KafkaIngress | KafkaEgress, topics: AbstractSet[str] = frozenset()
) -> ClusterFacts | None:
    """The cluster of *component*, and the ids of *topics*; None where :func:`ask_clusters` has none."""
    return await in_thread(_THREAD, lambda: _asked(component, topics))


def _asked(component: KafkaIngress | KafkaEgress, topics: AbstractSet[str]) -> ClusterFacts | None:
    down, until = threading.Event(), time.monotonic() + _SECONDS

    def failed(error: KafkaError) -> None:
        if error.code() == ALL_BROKERS_DOWN:
            down.set()

    own = {"bootstrap.servers": component.address, "error_cb": failed, "log_level": 0}
    try:
        name = f"Kafka {kafka_component_name(component)}"
        admin = client(name, AdminClient, own, connecting(component.properties))
        asked = admin.describe_cluster(request_timeout=_SECONDS)
        while not asked.done():
            admin.poll(0.02)  # calls failed()
            if down.is_set():
                return None
        id = asked.result().cluster_id
    except (BadPropertyError, KafkaException):
        return None
    try:
        there = admin.list_topics(timeout=max(until - time.monotonic(), 0.1)).topics.keys()
    except KafkaException:
        return ClusterFacts(id, None)
    try:
        return ClusterFacts(id, there, ids_of(admin, sorted(topics & there)) if topics & there else {})
    except (KafkaException, NoTopicError):  # one that was deleted meanwhile
        return ClusterFacts(id, there)
