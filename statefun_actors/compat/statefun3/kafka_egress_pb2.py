"""The message of a record for Kafka, as in Apache's ``statefun.kafka_egress_pb2``."""

from statefun_actors.wire import v3_pb2

KafkaProducerRecord = v3_pb2.KafkaProducerRecord

__all__ = ["KafkaProducerRecord"]
