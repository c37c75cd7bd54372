"""JSON lines files, as ingress and as egress."""

from statefun_actors.connectors.files.errors import (
    BadLineError,
    EgressFileError,
    InputChangedError,
    InputError,
    InputUnreadableError,
)
from statefun_actors.connectors.files.file_sink import (
    JsonLinesSink,
)
from statefun_actors.connectors.files.file_source import (
    BAD_LINES,
    JsonLinesSource,
)
from statefun_actors.connectors.files.record_line import (
    record_line,
)

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
