"""``run --partitions``: refuses what such a run does not carry, and starts the supervisor."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict, Unpack

import click
from click.core import ParameterSource

from statefun_actors.cli.output import echo, echo_json
from statefun_actors.cli.run.listening import messages_text, running_text

if TYPE_CHECKING:
    from statefun_actors.cli.logs import LogOptions
    from statefun_actors.dispatch import Application
    from statefun_actors.http import Listener
    from statefun_actors.settings import Settings

_MOST: Final = 64


def read_partitions(value: object) -> int:
    """The number of partitions in the text *value*. Raises ValueError, with what was expected and given."""
    text = str(value).strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(_MOST)) and 1 <= int(text) <= _MOST):
        raise ValueError(f"expected the number of processes, from 1 to {_MOST}, got {text!r}.")
    return int(text)


class _Options(TypedDict):
    app: str
    settings: Settings
    logs: LogOptions
    store: Path
    cache_bytes: int
    egress_backlog: int
    strict: bool
    token: str | None
    metrics: bool


_ONE_PROCESS: Final = "or run without --partitions"
_INSTEAD: Final = {
    "inputs": ("--input", "send the lines over HTTP, to /ingress"),
    "until_idle": ("--until-idle", "stop the run with SIGTERM"),
    "fire_timers": ("--fire-timers", "omit it"),
    "memory": ("--memory", "omit it: the state is then in a folder of files"),
    "egress": ("--egress", "omit it: records stay in the store until such a run can write them"),
    "module_file": ("--module", "omit it"),
    "skip_bad_lines": ("--skip-bad-lines", "omit it"),
    "history": ("--history", "omit it"),
    "reload": ("--reload", "restart the run yourself"),
}
"""By parameter: the option, and what to do without it."""


def refuse_others(context: click.Context) -> None:
    """Raises click.UsageError: an option is given that a run with --partitions does not carry."""
    for name, (option, instead) in _INSTEAD.items():
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT and context.params[name]:
            raise click.UsageError(f"--partitions does not work with {option} yet: {instead}; {_ONE_PROCESS}.")
    console = context.get_parameter_source("console") is not ParameterSource.DEFAULT
    if console and context.params["console"] != "off":
        raise click.UsageError(f"--partitions does not work with --console yet: omit it; {_ONE_PROCESS}.")
    if os.name == "nt" or not hasattr(socket, "SO_REUSEPORT"):
        raise click.UsageError("--partitions needs Unix sockets and SO_REUSEPORT, which this system does not have.")


def _check_application(app: Application) -> None:
    """Raises click.UsageError: the partitions of its entities would change."""
    for former, current in app.renamed.items():
        raise click.UsageError(
            f"--partitions does not work with was= of a class yet: {former}, now {current}, would get other "
            f"partitions; omit was= if nothing is stored of {former}, {_ONE_PROCESS}."
        )


def run_partitions(
    application: Application,
    name: str,
    count: int,
    listeners: Sequence[Listener],
    *,
    quiet: bool,
    as_json: bool,
    **options: Unpack[_Options],
) -> int:
    """Run *count* partitions until a signal; returns the exit code.

    Args:
        application: for checks; each partition loads its own.
        name: of the application, for the summary.
        count: the number of partitions.
        listeners: with a socket for each partition.
        quiet: whether only errors are shown.
        as_json: whether the summary is a JSON object on standard output.
        options: as those of a PartitionTask.

    Raises:
        click.ClickException: the store has another number of partitions, or can't be created.
    """
    from statefun_actors.cli.run.partition_process import PartitionTask
    from statefun_actors.cli.run.supervisor import supervise
    from statefun_actors.store import StoreError
    from statefun_actors.store.partitioned import create_partitions

    _check_application(application)
    try:
        layout = create_partitions(options["store"], count)
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    task = PartitionTask(path=tuple(sys.path), names=[listener.name for listener in listeners], **options)

    def announce() -> None:
        if quiet:
            return
        echo(running_text(application.typenames, f"{count} partitions; state in {options['store']}"), err=True)
        for listener in listeners:
            echo(messages_text(listener), err=True)

    began = time.monotonic()
    outcome = supervise(task, layout, listeners, announce, quiet=quiet)
    handled = sum(outcome.handled)
    if as_json:
        seconds = time.monotonic() - began
        echo_json(
            {
                "app": name,
                "store": str(options["store"]),
                "ended": "error" if outcome.signal is None else outcome.signal.name,
                "seconds": round(seconds, 3),
                "messages_handled": handled,
                "messages_per_second": round(handled / seconds),
                "partitions": [{"messages_handled": each} for each in outcome.handled],
            }
        )
    elif outcome.ready and not quiet:
        each = ", ".join(f"partition {number}: {count:,}" for number, count in enumerate(outcome.handled))
        echo(f"Stopped. Messages handled: {handled:,} ({each})", err=True)
    return outcome.exit_code
