"""The main function of a process of ``run --partitions``, and what it sends to its supervisor."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from socket import socket

import attrs

from statefun_actors.assembly.partitions import Neighbours
from statefun_actors.cli.loading import AppError, load_app
from statefun_actors.cli.logs import logging_to_stderr
from statefun_actors.cli.looping import in_a_loop
from statefun_actors.cli.metrics_option import metrics_instruments
from statefun_actors.cli.output import printable_lines, write
from statefun_actors.cli.processes import supervised
from statefun_actors.cli.run.counts import Counts
from statefun_actors.cli.run.in_memory import remove_at_the_end_of_the_supervisor
from statefun_actors.cli.run.partition_run import Failed, PartitionRun, Ready
from statefun_actors.cli.run.partition_task import PartitionTask
from statefun_actors.cli.run.rest import Busy, Rest
from statefun_actors.cli.run.running import Run
from statefun_actors.cli.run.summary import Summary
from statefun_actors.dispatch import Application
from statefun_actors.errors import StatefunActorsError
from statefun_actors.telemetry import with_global_providers


def run_partition(task: PartitionTask, neighbours: Neighbours, sockets: Sequence[socket], reports: Connection) -> None:
    """Run one partition until SIGTERM, or until the supervisor has ended."""
    sys.path[:] = task.path
    logs = attrs.evolve(task.logs, partition=neighbours.own.own)
    with supervised(), logging_to_stderr(logs) as log, reports:
        try:
            loaded = load_app(task.app)
            instruments = with_global_providers(metrics_instruments(task.metrics))
            app = Application(*loaded.served, settings=task.settings, instruments=instruments)
            _refuse_other_names(app, task)
            partition = PartitionRun(
                neighbours,
                functools.partial(_report, reports),
                with_topics=task.with_topics,
                jumps=reports if task.options.fire_timers else None,
            )
            options = task.of_one(partition, sockets)

            async def work() -> Summary:
                return await Run(loaded.name, app, options, log).to_the_end()

            summary = in_a_loop(work(), "Stored messages are kept; the next run continues from there.")
        except (StatefunActorsError, AppError) as error:
            write(printable_lines(f"Error: partition {neighbours.own.own}: {error}"), err=True)
            _report(reports, Failed(str(error)))
            sys.exit(1)
        _report(reports, summary)
        parent = multiprocessing.parent_process()
        if options.in_memory and (parent is None or not parent.is_alive()):
            remove_at_the_end_of_the_supervisor(task.store)


def _refuse_other_names(app: Application, task: PartitionTask) -> None:
    """Raises AppError: APP has other renamed types than when the run began, since its code has changed on disk."""
    if app.renamed != task.renamed:
        raise AppError(
            f"{task.app} has changed since this run began: expected {_shown(task.renamed)}, got {_shown(app.renamed)}. "
            "One partition alone can't rename a type: the others would look for its entities elsewhere. Stop the run, "
            "and start it again; all partitions begin with the new names then."
        )


def _shown(renamed: Mapping[str, str]) -> str:
    names = ", ".join(f"{name} was {former}" for former, name in sorted(renamed.items()))
    return names or "no type with was="


def _report(reports: Connection, report: Ready | Rest | Busy | Counts | Failed | Summary) -> None:
    with contextlib.suppress(OSError):  # the supervisor was killed, and this process ends, too
        reports.send(report)
