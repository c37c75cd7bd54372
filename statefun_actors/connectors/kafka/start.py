"""The start offset of each partition: after the position in the store, or the start position in module.yaml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

import attrs
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from statefun_actors.connectors.kafka.complaints import TIMED_OUT
from statefun_actors.deploy import FromDate, KafkaIngress, SpecificOffsets

Partition: TypeAlias = tuple[str, int]
"""A topic and the number of a partition."""
Offsets: TypeAlias = Mapping[Partition, int]
"""The next offset, by partition."""


@attrs.frozen
class TopicOffset:
    """The position in topics: the next ``offsets``, and the ``ids`` of the topics."""

    offsets: Offsets = attrs.field(factory=dict[Partition, int])
    ids: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """By topic. Missing if unknown: an old broker has none, an earlier version stored none."""

    def recreated(self, ids: Mapping[str, str]) -> set[str]:
        """The topics that have been deleted and recreated since; *ids* are the current ones."""
        return {topic for topic, id in ids.items() if self.ids.get(topic, id) != id}


_SECONDS: Final = 5.0
"""Timeout of a request, in seconds."""


class NoTopicError(Exception):
    """A topic does not exist (yet). The text names it."""


def partitions_of(consumer: Consumer, topic: str) -> list[Partition]:
    """All partitions of *topic*.

    Raises:
        NoTopicError: it does not exist.
        KafkaException: the brokers don't answer, or access is denied.
    """
    found = consumer.list_topics(topic, timeout=_SECONDS).topics[topic]
    if found.error is not None and found.error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise KafkaException(_naming(topic, found.error))
    if not found.partitions:
        raise NoTopicError(f"there is no topic {topic!r}")
    return [(topic, number) for number in sorted(found.partitions)]


def starts(
    consumer: Consumer, ingress: KafkaIngress, partitions: Iterable[Partition], known: Offsets
) -> dict[Partition, int]:
    """The start offset of each of *partitions*; *known* is the position in the store.

    A partition that was added to a topic since is read from its beginning: all of it is new.

    Raises:
        KafkaException: the brokers don't answer, or access is denied.
    """
    found = {partition: known[partition] for partition in partitions if partition in known}
    read = {topic for topic, _ in known}
    grown = [partition for partition in partitions if partition not in known and partition[0] in read]
    found.update({partition: _edges(consumer, partition)[0] for partition in grown})
    fresh = [partition for partition in partitions if partition[0] not in read]
    match ingress.startup:
        case "earliest" | "latest" as edge:
            found.update(_at(consumer, fresh, edge))
        case "group-offsets":
            found.update(_of_group(consumer, ingress, fresh))
        case SpecificOffsets(offsets):
            found.update({partition: offsets[partition] for partition in fresh if partition in offsets})
            found.update(_of_group(consumer, ingress, [partition for partition in fresh if partition not in offsets]))
        case FromDate(date):
            millis = int(date.timestamp() * 1000)
            asked = [TopicPartition(topic, number, millis) for topic, number in fresh]
            for at in consumer.offsets_for_times(asked, timeout=_SECONDS) if asked else ():
                partition = at.topic, at.partition
                # Negative: the end, since no record is that recent.
                found[partition] = at.offset if at.offset >= 0 else _edges(consumer, partition)[1]
    return found


def edge(consumer: Consumer, partition: Partition, which: str) -> int:
    """The offset of the ``earliest`` record, or the offset after the ``latest`` one."""
    low, high = _edges(consumer, partition)
    return low if which == "earliest" else high


def _at(consumer: Consumer, partitions: Iterable[Partition], which: str) -> dict[Partition, int]:
    return {partition: edge(consumer, partition, which) for partition in partitions}


def _edges(consumer: Consumer, partition: Partition) -> tuple[int, int]:
    try:
        found = consumer.get_watermark_offsets(TopicPartition(*partition), timeout=_SECONDS)
    except KafkaException as error:
        raise KafkaException(_naming(partition[0], error.args[0])) from None
    if found is None:
        raise KafkaException(KafkaError(TIMED_OUT))
    return found


def _of_group(consumer: Consumer, ingress: KafkaIngress, partitions: list[Partition]) -> dict[Partition, int]:
    if not partitions or ingress.group is None:
        return _at(consumer, partitions, ingress.reset)
    asked = consumer.committed([TopicPartition(*partition) for partition in partitions], timeout=_SECONDS)
    found: dict[Partition, int] = {}
    for at in asked:
        if at.error is not None:
            raise KafkaException(_naming(at.topic, at.error))
        partition = at.topic, at.partition
        found[partition] = at.offset if at.offset >= 0 else edge(consumer, partition, ingress.reset)
    return found


def _naming(topic: str, error: KafkaError) -> KafkaError:
    """*error*, with the name of *topic* in its text if access to that was denied."""
    if error.code() != KafkaError.TOPIC_AUTHORIZATION_FAILED:
        return error
    return KafkaError(error.code(), f"topic {topic}: {error.str()}")
