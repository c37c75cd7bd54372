"""The main function of a process of ``run --partitions``, and what it sends to its supervisor."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socket

import attrs

from statefun_actors.assembly.partitions import Neighbours
from statefun_actors.cli.loading import AppError, load_app
from statefun_actors.cli.logs import LogOptions, logging_to_stderr
from statefun_actors.cli.looping import in_a_loop
from statefun_actors.cli.metrics_option import metrics_instruments
from statefun_actors.cli.output import printable_lines, write
from statefun_actors.cli.processes import supervised
from statefun_actors.cli.run.options import RunOptions
from statefun_actors.cli.run.partition_run import PartitionRun
from statefun_actors.cli.run.running import Run
from statefun_actors.cli.run.summary import Summary
from statefun_actors.dispatch import Application
from statefun_actors.errors import StatefunActorsError
from statefun_actors.http import Listener
from statefun_actors.settings import Settings
from statefun_actors.telemetry import with_global_providers


@attrs.frozen(kw_only=True)
class PartitionTask:
    """The options that all partitions share; it is pickled."""

    app: str
    path: tuple[str, ...]
    """``sys.path`` of the supervisor, which has loaded the app."""
    settings: Settings
    logs: LogOptions
    store: Path
    cache_bytes: int
    egress_backlog: int
    strict: bool
    token: str | None
    metrics: bool
    names: Sequence[str]
    """The names of the listeners."""


@attrs.frozen
class Progress:
    """What a partition reports: it is ready, and has handled *handled* messages more."""

    handled: int = 0


def run_partition(task: PartitionTask, neighbours: Neighbours, sockets: Sequence[socket], reports: Connection) -> None:
    """Run one partition until SIGTERM, or until the supervisor has ended."""
    sys.path[:] = task.path
    logs = attrs.evolve(task.logs, partition=neighbours.own.own)
    with supervised(), logging_to_stderr(logs) as log, reports:
        try:
            loaded = load_app(task.app)
            instruments = with_global_providers(metrics_instruments(task.metrics))
            app = Application(*loaded.served, settings=task.settings, instruments=instruments)
            options = RunOptions(
                store=task.store,
                cache_bytes=task.cache_bytes,
                egress={},
                egress_backlog=task.egress_backlog,
                strict=task.strict,
                quiet=True,
                listeners=[Listener(name, [sock]) for name, sock in zip(task.names, sockets, strict=True)],
                token=task.token,
                console="off",
                partition=PartitionRun(neighbours, lambda: _report(reports, Progress())),
            )

            async def work() -> Summary:
                return await Run(loaded.name, app, options, log).to_the_end()

            summary = in_a_loop(work(), "Stored messages are kept; the next run continues from there.")
        except (StatefunActorsError, AppError) as error:
            write(printable_lines(f"Error: partition {neighbours.own.own}: {error}"), err=True)
            sys.exit(1)
        _report(reports, Progress(summary.handled))


def _report(reports: Connection, progress: Progress) -> None:
    with contextlib.suppress(OSError):  # the supervisor was killed, and this process ends, too
        reports.send(progress)
