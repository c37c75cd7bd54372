"""Standard output of ``run --partitions``: the supervisor prints the lines of the partition that writes them."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Final

import click

from statefun_actors.connectors import LineOutput, Output, OutputRelay, RelayedOutput, StdoutTarget, Target
from statefun_actors.system import listen_at

_SOCKET: Final = "output"
_PRINTED: Final = 2.0
"""Seconds in which lines are printed that have arrived when all partitions have ended."""


def relayed_output(folder: Path, closing: contextlib.ExitStack) -> Output:
    """Standard output for a partition. It may be killed at any time: whole lines are printed nevertheless.

    Args:
        folder: has the sockets of all partitions.
        closing: closes the connection to the supervisor.
    """
    output = RelayedOutput(folder / _SOCKET)
    closing.callback(output.close)
    return output


@contextlib.contextmanager
def printing(folder: Path, targets: Iterable[Target]) -> Generator[None]:
    """Print what comes by :func:`relayed_output`, if standard output is among *targets*.

    Raises:
        click.ClickException: another run prints what comes to *folder*, or no socket can be opened there.
    """
    if not any(isinstance(target, StdoutTarget) for target in targets):
        yield
        return
    path = folder / _SOCKET
    try:
        relay = OutputRelay(listen_at(path), LineOutput())
    except OSError as error:
        raise click.ClickException(
            f"can't listen at {path}: {error.strerror}. If another run uses this store, stop it first."
        ) from error
    try:
        yield
    finally:
        relay.close(_PRINTED)
        path.unlink(missing_ok=True)
