"""The imports that the rooms below the engine may make: values, entities, endpoints and HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

LOWER_ROOMS: Final[Mapping[str, AbstractSet[str]]] = {
    "text": frozenset(),
    "own_logger": frozenset({"text"}),
    "units": frozenset(),
    "backoff": frozenset(),
    "errors": frozenset(),
    "address": frozenset({"errors"}),
    "host": frozenset(),
    "interrupts": frozenset(),
    "model": frozenset({"address"}),
    "system": frozenset({"text", "own_logger"}),
    "types": frozenset({"text", "errors", "address", "interrupts", "model"}),
    "wire": frozenset({"errors", "address", "model"}),
    "store": frozenset({"text", "errors", "address", "model"}),
    "store.sqlite": frozenset({"text", "own_logger", "address", "model", "system", "store"}),
    "partitions": frozenset({"address", "model"}),
    "store.partitioned": frozenset({"own_logger", "address", "model", "system", "store", "store.sqlite", "partitions"}),
    "asking": frozenset({"errors", "address", "model", "types"}),
    "definition": frozenset({"errors", "address", "host", "interrupts", "model", "types", "asking"}),
    "calls": frozenset({"errors", "address", "model", "types", "asking", "definition"}),
    "client": frozenset({"address", "backoff", "model", "types", "asking", "calls"}),
    "functions": frozenset({"errors", "address", "model", "types", "definition"}),
    "settings": frozenset({"units", "errors", "address", "asking", "definition"}),
    "entity": frozenset({"errors", "address", "model", "types", "asking", "definition"}),
    "conversations": frozenset(
        {"text", "own_logger", "errors", "address", "model", "types", "asking", "definition", "functions"}
    ),
    "dispatch": frozenset(
        {
            "text",
            "own_logger",
            "backoff",
            "errors",
            "address",
            "host",
            "interrupts",
            "model",
            "system",
            "types",
            "asking",
            "definition",
            "settings",
            "conversations",
        }
    ),
    "telemetry": frozenset({"text", "own_logger", "errors", "address", "model", "asking", "dispatch"}),
    "endpoint": frozenset(
        {
            "text",
            "own_logger",
            "system",
            "errors",
            "address",
            "host",
            "model",
            "types",
            "wire",
            "asking",
            "definition",
            "settings",
            "dispatch",
        }
    ),
    "compat": frozenset(
        {
            "text",
            "errors",
            "address",
            "interrupts",
            "model",
            "types",
            "wire",
            "definition",
            "functions",
            "settings",
            "dispatch",
            "endpoint",
        }
    ),
    "ingress": frozenset(
        {"text", "units", "errors", "address", "model", "types", "asking", "definition", "conversations", "dispatch"}
    ),
    "deploy": frozenset({"errors", "model", "asking", "definition", "settings"}),
    "http": frozenset(
        {
            "text",
            "own_logger",
            "units",
            "errors",
            "address",
            "model",
            "system",
            "types",
            "wire",
            "partitions",
            "asking",
            "settings",
            "conversations",
            "dispatch",
            "endpoint",
            "telemetry",
            "ingress",
        }
    ),
    "history": frozenset({"own_logger", "address", "model", "store"}),
}
"""The first lines of the table, lowest rooms first."""
