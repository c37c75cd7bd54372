"""Kafka on the embedded engine: the kinds ``io.statefun.kafka.v1/ingress`` and ``…/egress`` of module.yaml.

Needs the extra ``[kafka]``.
"""

from statefun_actors.connectors.kafka.cluster_facts import (
    ClusterFacts,
    ask_clusters,
)
from statefun_actors.connectors.kafka.consumer import (
    ReaderOptions,
)
from statefun_actors.connectors.kafka.errors import (
    BadPropertyError,
    EgressDownError,
)
from statefun_actors.connectors.kafka.kafka_sink import (
    KafkaSink,
)
from statefun_actors.connectors.kafka.kafka_source import (
    KafkaSource,
)
from statefun_actors.connectors.kafka.keyless import (
    keyless_record,
)
from statefun_actors.connectors.kafka.latest_records import (
    LatestRecords,
)
from statefun_actors.connectors.kafka.making_topics import (
    make_topic,
)
from statefun_actors.connectors.kafka.record_messages import (
    BAD_RECORDS,
)
from statefun_actors.connectors.kafka.record_producer import (
    Fault,
    ProducerError,
    RecordProducer,
)

__all__ = [
    "BAD_RECORDS",
    "BadPropertyError",
    "ClusterFacts",
    "EgressDownError",
    "Fault",
    "KafkaSink",
    "KafkaSource",
    "LatestRecords",
    "ProducerError",
    "ReaderOptions",
    "RecordProducer",
    "ask_clusters",
    "keyless_record",
    "make_topic",
]
