"""``run --partitions``: refuses what such a run can't do, and starts the supervisor."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final

import attrs
import click

from statefun_actors.cli.output import echo
from statefun_actors.cli.run.listening import messages_text, running_text

if TYPE_CHECKING:
    from statefun_actors.cli.run.options import RunOptions
    from statefun_actors.cli.run.partition_task import PartitionTask
    from statefun_actors.dispatch import Application

_MOST: Final = 64


def read_partitions(value: object) -> int:
    """The number of partitions in the text *value*. Raises ValueError, with what was expected and given."""
    text = str(value).strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(_MOST)) and 1 <= int(text) <= _MOST):
        raise ValueError(f"expected the number of processes, from 1 to {_MOST}, got {text!r}.")
    return int(text)


def refuse_other_systems() -> None:
    """Raises click.UsageError: the operating system has no partitions."""
    if os.name == "nt" or not hasattr(socket, "SO_REUSEPORT"):
        raise click.UsageError("--partitions needs Unix sockets and SO_REUSEPORT, which this system does not have.")


def run_partitions(
    application: Application, name: str, count: int, task: PartitionTask, options: RunOptions, *, as_json: bool
) -> int:
    """Run *count* partitions to their end; returns the exit code.

    Args:
        application: for its types; each partition loads its own.
        name: of the application, for the summary.
        count: the number of partitions.
        task: what they share.
        options: of the whole run; its listeners have a socket for each partition.
        as_json: whether the summary is a JSON object on standard output.

    Raises:
        click.ClickException: the store has another number of partitions, or can't be created; or renamed classes
            don't fit it.
    """
    from statefun_actors.cli.run.conclusion import conclude
    from statefun_actors.cli.run.merged_summary import merged_summary
    from statefun_actors.cli.run.supervisor import supervise
    from statefun_actors.store import StoreError
    from statefun_actors.store.partitioned import create_partitions, place_renamed

    if options.store is None:
        from statefun_actors.cli.run.in_memory import folder_in_memory

        with folder_in_memory() as store:
            here = attrs.evolve(options, store=store, in_memory=True)
            task = attrs.evolve(task, options=attrs.evolve(task.options, store=store, in_memory=True))
            return run_partitions(application, name, count, task, here, as_json=as_json)
    store = options.store
    try:
        layout = place_renamed(store, create_partitions(store, count), application.renamed)
    except StoreError as error:
        raise click.ClickException(str(error)) from error

    def announce() -> None:
        if options.quiet:
            return
        if not options.until_idle:
            where = "memory" if options.in_memory else store
            echo(running_text(application.typenames, f"{count} partitions; state in {where}"), err=True)
        for listener in options.listeners:
            echo(messages_text(listener), err=True)

    outcome = supervise(task, layout, options.listeners, announce, quiet=options.quiet)
    if not (outcome.done or outcome.signal is not None):
        return outcome.exit_code
    if outcome.summaries.count(None) == count:  # stopped before any could work
        return outcome.exit_code or (128 + outcome.signal if outcome.signal and options.until_idle else 0)
    summary = merged_summary(name, options, outcome)
    return conclude(summary, options, as_json=as_json) or outcome.exit_code
