"""The egresses of a run: parses their targets, opens sinks, and counts records for the summary."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from statefun_actors.cli.run.counts import Count
from statefun_actors.connectors import (
    FileTarget,
    HttpTarget,
    Output,
    StdoutSink,
    StdoutTarget,
    Target,
    open_sink,
    read_target,
)
from statefun_actors.connectors.files import BAD_LINES, JsonLinesSink
from statefun_actors.connectors.http import HttpSink
from statefun_actors.dispatch import Application
from statefun_actors.engine import Sink
from statefun_actors.settings import read_typename
from statefun_actors.store import FileUse

if TYPE_CHECKING:
    from statefun_actors.connectors.kafka import KafkaSink
    from statefun_actors.deploy import KafkaEgress

_Counted: TypeAlias = "JsonLinesSink | StdoutSink | HttpSink | KafkaSink"


def read_mapping(written: str | tuple[str, object]) -> tuple[str, Target]:
    """Parse ``NS/NAME=TARGET``, or a key and its value in a settings file, to an egress and its target.

    Raises:
        click.BadParameter: the text is invalid.
    """
    target: object
    if isinstance(written, str):
        name, _, target = written.partition("=")
        if not target:
            raise click.BadParameter(f"{written!r} is not NS/NAME=TARGET, such as bank/receipts=receipts.jsonl.")
    else:
        name, target = written
    try:
        return read_typename(name), read_target(target, os.environ)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def one_target_each(mapped: Sequence[tuple[str, Target]], *, as_json: bool) -> dict[str, Target]:
    """The target of each egress.

    Raises:
        click.UsageError: they exclude each other.
    """
    targets = dict(mapped)
    if len(targets) < len(mapped):
        raise click.UsageError("one --egress is repeated; give each one target.")
    on_stdout = [name for name, target in targets.items() if isinstance(target, StdoutTarget)]
    if len(on_stdout) > 1:
        raise click.UsageError(
            f"standard output can't be shared by {' and '.join(on_stdout)}: give each its own target."
        )
    if on_stdout and as_json:
        raise click.UsageError(f"--json and --egress {on_stdout[0]}=- both write to standard output; omit one.")
    over_http = [name for name, target in targets.items() if isinstance(target, HttpTarget)]
    if over_http and importlib.util.find_spec("httpx") is None:
        raise click.UsageError(
            f'records of {over_http[0]} need httpx, which is not installed: pip install "statefun-actors[client]"'
        )
    return targets


def written_files(targets: Mapping[str, Target], bad_lines: Path | None) -> list[FileUse]:
    """The files that *targets*, and invalid lines, are written to."""
    files = [
        FileUse(target.path, f"--egress {name}") for name, target in targets.items() if isinstance(target, FileTarget)
    ]
    return files if bad_lines is None else [*files, FileUse(bad_lines, "--skip-bad-lines")]


def shown_targets(targets: Mapping[str, Target], kafka: Sequence[tuple[KafkaEgress, Sequence[str]]]) -> dict[str, str]:
    """The target of each egress, for display."""
    return {
        **{name: str(target) for name, target in targets.items()},
        **{egress.id: f"Kafka at {egress.address}" for egress, _ in kafka},
    }


class Sinks:
    """The sinks of a run, by egress; files are open until *closing* is left.

    Args:
        targets: by egress.
        kafka: Kafka egresses, each with the topics that its records will have, as far as they are known.
        bad_lines: the file for lines that are not messages.
        app: the application, for its types.
        on_gone: called once the reader of standard output has closed it.
        output: standard output; None: that of this process.

    Raises:
        EgressFileError: a file can't be opened.
        BadPropertyError: the properties of an egress are invalid for a producer.
    """

    def __init__(
        self,
        targets: Mapping[str, Target],
        kafka: Sequence[tuple[KafkaEgress, Sequence[str]]],
        bad_lines: Path | None,
        app: Application,
        closing: contextlib.ExitStack,
        on_gone: Callable[[], None],
        output: Output | None = None,
    ) -> None:
        self.targets = shown_targets(targets, kafka)
        """The target of each egress, for display."""
        known = app.codecs()
        self._counted: dict[str, _Counted] = {
            name: open_sink(target, known, closing, on_gone, output) for name, target in targets.items()
        }
        if kafka:
            from statefun_actors.connectors.kafka import KafkaSink

            self._counted |= {egress.id: KafkaSink(egress, known, topics) for egress, topics in kafka}
        self.by_egress: dict[str, Sink] = dict(self._counted)
        if bad_lines is not None:
            sink = JsonLinesSink(bad_lines, line=lambda value: value.value)
            closing.callback(sink.close)
            self.by_egress[BAD_LINES] = sink
        self._before: dict[str, int] = {}

    def begun(self) -> None:
        """The sinks resume at the positions of the last run."""
        self._before = {name: sink.records for name, sink in self._counted.items()}

    def counts(self) -> dict[str, Count]:
        """Records written, by egress: in this run and, to files, in all."""
        return {
            name: Count(
                sink.records - self._before.get(name, 0), sink.records if isinstance(sink, JsonLinesSink) else None
            )
            for name, sink in self._counted.items()
        }
