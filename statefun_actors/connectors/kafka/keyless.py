"""Finds a record without a key, at which Flink's ingress fails."""

from __future__ import annotations

import contextlib
import time
from typing import Final

import attrs
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from statefun_actors.connectors.kafka.complaints import PARTITION_EOF
from statefun_actors.connectors.kafka.errors import BadPropertyError
from statefun_actors.connectors.kafka.properties import client
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
    """The first record without a key in the topics of *ingress*, from the offsets of its group on.

    None if none is found within 5 seconds, or if only a client in Java can read the properties of *ingress*.
    """
    own = {
        "bootstrap.servers": ingress.address,
        "group.id": ingress.group or "statefun-actors",
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
        TopicPartition(topic.topic, number)
        for topic in ingress.topics
        if topic.topic in topics
        for number in topics[topic.topic].partitions
    ]
    committed = consumer.committed(places, timeout=_SECONDS)
    reading = [
        TopicPartition(at.topic, at.partition, at.offset if at.offset >= 0 else OFFSET_BEGINNING) for at in committed
    ]
    consumer.assign(reading)
    left, until = len(reading), time.monotonic() + _SECONDS
    while left and time.monotonic() < until:
        for record in consumer.consume(1_000, 0.2):
            if (error := record.error()) is not None:
                left -= error.code() == PARTITION_EOF
            elif record.key() is None:
                topic, partition, offset = record.topic(), record.partition(), record.offset()
                assert topic is not None
                assert partition is not None
                assert offset is not None
                return RecordPlace(topic, partition, offset)
    return None
