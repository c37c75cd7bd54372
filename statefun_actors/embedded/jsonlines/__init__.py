"""JSON lines: files that are read as an ingress, and files that egress records are written to."""

from statefun_actors.embedded.jsonlines.errors import (
    BadLineError,
    EgressFileError,
    InputChangedError,
    InputError,
    InputUnreadableError,
)
from statefun_actors.embedded.jsonlines.record_line import record_line
from statefun_actors.embedded.jsonlines.sink import JsonLinesSink
from statefun_actors.embedded.jsonlines.source import BAD_LINES, JsonLinesSource

__all__ = [
    "BAD_LINES",
    "BadLineError",
    "EgressFileError",
    "InputChangedError",
    "InputError",
    "InputUnreadableError",
    "JsonLinesSink",
    "JsonLinesSource",
    "record_line",
]
