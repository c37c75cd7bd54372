"""Everything about putting an application behind Flink: module.yaml read, written and checked."""

from statefun_actors.deploy.checking import Difference, differences
from statefun_actors.deploy.components import (
    ASYNC,
    OKHTTP,
    Component,
    EagerState,
    Endpoint,
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
from statefun_actors.deploy.errors import ModuleFileError, Place, Problem
from statefun_actors.deploy.planning import Wanted, WantedTopic, planned_module, topic_name
from statefun_actors.deploy.reading import parse_module, read_module
from statefun_actors.deploy.served import Served, served
from statefun_actors.deploy.writing import write_module

__all__ = [
    "ASYNC",
    "OKHTTP",
    "Component",
    "Difference",
    "EagerState",
    "Endpoint",
    "Format",
    "FromDate",
    "KafkaEgress",
    "KafkaIngress",
    "Module",
    "ModuleFileError",
    "OtherComponent",
    "Place",
    "Problem",
    "Served",
    "SpecificOffsets",
    "Startup",
    "Topic",
    "Transport",
    "Wanted",
    "WantedTopic",
    "differences",
    "parse_module",
    "planned_module",
    "read_module",
    "served",
    "topic_name",
    "write_module",
]
