"""module.yaml and lock files: reads, writes and checks the contract between an application and a Flink cluster."""

from statefun_actors.deploy.brokers import OtherBrokers, kafka_component_name, other_brokers, unknown_clusters
from statefun_actors.deploy.checking import Difference, differences
from statefun_actors.deploy.components import (
    ASYNC,
    OKHTTP,
    Component,
    EagerState,
    EndpointComponent,
    Format,
    FromDate,
    KafkaEgress,
    KafkaIngress,
    Module,
    OtherComponent,
    SpecificOffsets,
    Startup,
    Topic,
    Transport,
)
from statefun_actors.deploy.errors import ModuleFileError, Problem, YamlPosition
from statefun_actors.deploy.gateway import (
    GatewayRoutes,
    RequestTopic,
    answers_topics,
    gateway_routes,
    own_answers_topic,
    without_gateway,
)
from statefun_actors.deploy.kubernetes import Deployed, write_manifests
from statefun_actors.deploy.locking import Lock, Refusal, check_compatible, locked, read_lock, write_lock
from statefun_actors.deploy.module_parsing import parse_module, read_module
from statefun_actors.deploy.module_text import write_module
from statefun_actors.deploy.planning import Wanted, WantedTopic, functions_elsewhere, local_module, planned_module
from statefun_actors.deploy.positions import (
    DroppedTopic,
    LostPosition,
    RecreatedTopic,
    TopicIds,
    dropped_topics,
    gone_topics,
    lost_positions,
    recreated_topics,
)
from statefun_actors.deploy.served import Served, served
from statefun_actors.deploy.topic_names import topic_name

__all__ = [
    "ASYNC",
    "OKHTTP",
    "Component",
    "Deployed",
    "Difference",
    "DroppedTopic",
    "EagerState",
    "EndpointComponent",
    "Format",
    "FromDate",
    "GatewayRoutes",
    "KafkaEgress",
    "KafkaIngress",
    "Lock",
    "LostPosition",
    "Module",
    "ModuleFileError",
    "OtherBrokers",
    "OtherComponent",
    "Problem",
    "RecreatedTopic",
    "Refusal",
    "RequestTopic",
    "Served",
    "SpecificOffsets",
    "Startup",
    "Topic",
    "TopicIds",
    "Transport",
    "Wanted",
    "WantedTopic",
    "YamlPosition",
    "answers_topics",
    "check_compatible",
    "differences",
    "dropped_topics",
    "functions_elsewhere",
    "gateway_routes",
    "gone_topics",
    "kafka_component_name",
    "local_module",
    "locked",
    "lost_positions",
    "other_brokers",
    "own_answers_topic",
    "parse_module",
    "planned_module",
    "read_lock",
    "read_module",
    "recreated_topics",
    "served",
    "topic_name",
    "unknown_clusters",
    "without_gateway",
    "write_lock",
    "write_manifests",
    "write_module",
]
