"""Creates the sink for the target of an egress."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping

from statefun_actors.connectors.files import JsonLinesSink
from statefun_actors.connectors.http import HttpSink
from statefun_actors.connectors.stdout import Output, StdoutSink
from statefun_actors.connectors.targets import FileTarget, HttpTarget, Target
from statefun_actors.types import Codec


def open_sink(
    target: Target,
    known: Mapping[str, Codec],
    resources: contextlib.ExitStack,
    on_gone: Callable[[], None] | None = None,
    output: Output | None = None,
) -> JsonLinesSink | StdoutSink | HttpSink:
    """The sink that writes to *target*, closed with *resources*.

    Args:
        target: of the egress.
        known: the types whose values are written as JSON, by typename.
        resources: closes its file.
        on_gone: called once the reader of standard output is gone.
        output: standard output; None: that of this process.

    Raises:
        EgressFileError: its file can't be opened.
    """
    if isinstance(target, FileTarget):
        sink = JsonLinesSink(target.path, known)
        resources.callback(sink.close)
        return sink
    if isinstance(target, HttpTarget):
        return HttpSink(target.url, known, headers=target.headers)
    return StdoutSink(known, on_gone=on_gone, output=output)
