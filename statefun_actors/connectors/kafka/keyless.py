"""Finds a record without a key, at which Flink's ingress fails."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Final

import attrs
from confluent_kafka import Consumer, KafkaException, TopicPartition

from statefun_actors.connectors.kafka.complaints import PARTITION_EOF
from statefun_actors.connectors.kafka.errors import BadPropertyError
from statefun_actors.connectors.kafka.properties import client
from statefun_actors.connectors.kafka.start import Partition, starts
from statefun_actors.deploy import KafkaIngress, kafka_component_name

_SECONDS: Final = 5.0


@attrs.frozen
class RecordPlace:
    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"topic {self.topic}, partition {self.partition}, offset {self.offset}"


def keyless_record(ingress: KafkaIngress) -> RecordPlace | None:
    """The first record without a key in the topics of *ingress*, from where Flink reads on.

    That is the offsets of its group or, where it has none, its start. If it starts at the latest records, these are
    unknown by now. None if none is found within 5 seconds, or if only a client in Java can read its properties.
    """
    own = {
        "bootstrap.servers": ingress.address,
        "group.id": ingress.group or "statefun-actors",  # a consumer needs one; only offsets of the former are read
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "log_level": 0,
    }
    try:
        with contextlib.closing(
            client(f"Kafka {kafka_component_name(ingress)}", Consumer, own, ingress.properties)
        ) as consumer:
            return _found(consumer, ingress)
    except (BadPropertyError, KafkaException):
        return None


def _found(consumer: Consumer, ingress: KafkaIngress) -> RecordPlace | None:
    topics = consumer.list_topics(timeout=_SECONDS).topics
    places = [
        (topic.topic, number)
        for topic in ingress.topics
        if topic.topic in topics
        for number in topics[topic.topic].partitions
    ]
    known = {} if ingress.group is None else _committed(consumer, places)
    known |= starts(consumer, ingress, [place for place in places if place not in known], {})
    consumer.assign([TopicPartition(topic, number, offset) for (topic, number), offset in known.items()])
    left, until = set(known), time.monotonic() + _SECONDS
    while left and time.monotonic() < until:
        for record in consumer.consume(1_000, 0.2):
            topic, partition, offset = record.topic(), record.partition(), record.offset()
            error = record.error()
            if error is not None and error.code() != PARTITION_EOF:
                continue
            assert topic is not None
            assert partition is not None
            if error is not None:
                left.discard((topic, partition))
            elif record.key() is None:
                assert offset is not None
                return RecordPlace(topic, partition, offset)
    return None


def _committed(consumer: Consumer, places: Sequence[Partition]) -> dict[Partition, int]:
    """The next offsets of the group, where it has some.

    Raises:
        KafkaException: the brokers don't tell.
    """
    asked, until = [TopicPartition(*place) for place in places], time.monotonic() + _SECONDS
    while True:
        try:
            found = consumer.committed(asked, timeout=_SECONDS)
        except KafkaException:  # NOT_COORDINATOR, for a moment, at brokers that have just started
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return {(at.topic, at.partition): at.offset for at in found if at.offset >= 0}
