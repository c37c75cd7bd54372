"""The imports that rooms may make.

A room is a package or a file directly in ``statefun_actors``, or one of the packages in it that have a line of their
own in the table; its public API is its ``__init__`` (a file is its own).
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from tests.architecture.lower_rooms import LOWER_ROOMS

TABLE: Final[Mapping[str, AbstractSet[str]]] = {
    **LOWER_ROOMS,
    "engine": frozenset(
        {
            "text",
            "own_logger",
            "backoff",
            "errors",
            "address",
            "host",
            "interrupts",
            "model",
            "types",
            "store",
            "history",
            "partitions",
            "asking",
            "definition",
            "conversations",
            "dispatch",
            "ingress",
        }
    ),
    "admin": frozenset(
        {
            "text",
            "own_logger",
            "units",
            "errors",
            "address",
            "model",
            "system",
            "types",
            "store",
            "history",
            "partitions",
            "asking",
            "definition",
            "calls",
            "entity",
            "conversations",
            "dispatch",
            "ingress",
            "engine",
        }
    ),
    "console": frozenset(
        {
            "text",
            "own_logger",
            "units",
            "errors",
            "address",
            "interrupts",
            "model",
            "types",
            "store",
            "history",
            "asking",
            "definition",
            "entity",
            "dispatch",
            "http",
            "engine",
            "admin",
        }
    ),
    "connectors.files": frozenset(
        {"own_logger", "errors", "model", "system", "types", "store", "partitions", "dispatch", "ingress", "engine"}
    ),
    "connectors.http": frozenset({"own_logger", "backoff", "model", "types", "store", "engine", "connectors.files"}),
    "connectors": frozenset({"types", "engine", "connectors.files", "connectors.http"}),
    "connectors.partitions": frozenset(
        {"own_logger", "system", "backoff", "store", "partitions", "engine", "connectors.http"}
    ),
    "connectors.kafka": frozenset(
        {
            "own_logger",
            "backoff",
            "errors",
            "address",
            "model",
            "types",
            "store",
            "deploy",
            "engine",
            "connectors.files",
            "connectors",
            "connectors.http",
        }
    ),
    "gateway": frozenset(
        {
            "own_logger",
            "address",
            "model",
            "types",
            "asking",
            "conversations",
            "ingress",
            "deploy",
            "connectors",
            "connectors.kafka",
            "dispatch",
        }
    ),
    "moving": frozenset(
        {"address", "errors", "model", "store", "asking", "conversations", "deploy", "dispatch", "ingress"}
    ),
    "assembly": frozenset({"own_logger", "engine"}),
    "assembly.views": frozenset(
        {
            "errors",
            "address",
            "model",
            "types",
            "store",
            "history",
            "asking",
            "calls",
            "entity",
            "conversations",
            "dispatch",
            "engine",
        }
    ),
    "assembly.control": frozenset({"own_logger", "store", "engine", "admin"}),
    "assembly.ingress": frozenset({"http", "engine", "console"}),
    "assembly.partitions": frozenset({"system", "partitions", "http", "engine", "console", "connectors.partitions"}),
    "runtime": frozenset(
        {
            "backoff",
            "errors",
            "address",
            "model",
            "system",
            "types",
            "store",
            "history",
            "calls",
            "settings",
            "conversations",
            "dispatch",
            "telemetry",
            "ingress",
            "http",
            "engine",
            "console",
            "connectors",
            "assembly",
            "assembly.views",
            "assembly.control",
            "assembly.ingress",
        }
    ),
    "testing": frozenset(
        {
            "text",
            "system",
            "host",
            "wire",
            "endpoint",
            "errors",
            "address",
            "model",
            "types",
            "store",
            "asking",
            "definition",
            "calls",
            "settings",
            "entity",
            "conversations",
            "dispatch",
            "ingress",
            "engine",
            "assembly",
            "assembly.views",
        }
    ),
    "cluster": frozenset({"errors", "deploy"}),
    "cli": frozenset(
        {
            "text",
            "own_logger",
            "units",
            "errors",
            "address",
            "interrupts",
            "model",
            "system",
            "types",
            "store",
            "history",
            "partitions",
            "store.partitioned",
            "backoff",
            "asking",
            "settings",
            "conversations",
            "dispatch",
            "ingress",
            "deploy",
            "gateway",
            "moving",
            "http",
            "engine",
            "admin",
            "connectors.files",
            "console",
            "connectors",
            "connectors.http",
            "connectors.kafka",
            "assembly",
            "assembly.control",
            "assembly.ingress",
            "assembly.partitions",
            "connectors.partitions",
            "telemetry",
            "cluster",
        }
    ),
}
"""What each room imports, lowest rooms first: no more, no less."""
