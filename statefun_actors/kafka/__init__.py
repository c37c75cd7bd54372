"""Kafka on the embedded engine: what module.yaml calls ``io.statefun.kafka.v1/ingress`` and ``…/egress``.

Needs the extra ``[kafka]``.
"""

from statefun_actors.kafka.errors import BadPropertyError, EgressDownError, OlderStoreError
from statefun_actors.kafka.reader import ReaderOptions
from statefun_actors.kafka.records import BAD_RECORDS
from statefun_actors.kafka.sink import KafkaSink
from statefun_actors.kafka.source import KafkaSource

__all__ = [
    "BAD_RECORDS",
    "BadPropertyError",
    "EgressDownError",
    "KafkaSink",
    "KafkaSource",
    "OlderStoreError",
    "ReaderOptions",
]
