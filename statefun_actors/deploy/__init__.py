"""Everything about putting an application behind Flink: module.yaml read, written and checked."""

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
from statefun_actors.deploy.reading import parse_module, read_module

__all__ = [
    "ASYNC",
    "OKHTTP",
    "Component",
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
    "SpecificOffsets",
    "Startup",
    "Topic",
    "Transport",
    "parse_module",
    "read_module",
]
