"""Sources of messages and sinks of egress records: files, standard output, HTTP endpoints, Kafka topics."""

from statefun_actors.connectors.relay import (
    OutputRelay,
    RelayedOutput,
)
from statefun_actors.connectors.sink_for import (
    open_sink,
)
from statefun_actors.connectors.stdout import (
    LineOutput,
    Output,
    StdoutSink,
)
from statefun_actors.connectors.targets import (
    FileTarget,
    HttpTarget,
    StdoutTarget,
    Target,
    read_target,
)
from statefun_actors.connectors.threads import (
    in_thread,
)

__all__ = [
    "FileTarget",
    "HttpTarget",
    "LineOutput",
    "Output",
    "OutputRelay",
    "RelayedOutput",
    "StdoutSink",
    "StdoutTarget",
    "Target",
    "in_thread",
    "open_sink",
    "read_target",
]
