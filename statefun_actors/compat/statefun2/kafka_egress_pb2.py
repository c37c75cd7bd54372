"""The message of a record for Kafka, as in Apache's ``statefun.kafka_egress_pb2``."""

from typing import TYPE_CHECKING

from statefun_actors.compat.statefun2.default_pool import registered
from statefun_actors.wire import v2_pb2

if TYPE_CHECKING:
    KafkaProducerRecord = v2_pb2.KafkaProducerRecord
else:
    KafkaProducerRecord = registered(v2_pb2.KafkaProducerRecord, "kafka-egress.proto")

__all__ = ["KafkaProducerRecord"]
