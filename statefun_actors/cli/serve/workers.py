"""The worker processes of ``serve --workers``; one that dies is replaced."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from socket import socket
from types import FrameType
from typing import Final, TypeAlias

import attrs
from quart import Quart

from statefun_actors.cli.loading import AppError, load_app
from statefun_actors.cli.logs import LogOptions, logging_to_stderr
from statefun_actors.cli.looping import in_a_loop
from statefun_actors.cli.output import echo, printable_lines, write
from statefun_actors.cli.processes import Ended, Supervisor, Work, at_the_end_of_the_supervisor, supervised
from statefun_actors.cli.restarts import Restarts
from statefun_actors.cli.serve.serving import serve_until
from statefun_actors.errors import StatefunActorsError
from statefun_actors.http import CertificatesError, Listener, Tls, create_app
from statefun_actors.settings import Settings
from statefun_actors.system import loop_kept_from_children, signals_kept_from_children

Announce: TypeAlias = Callable[[], None]

_LONG: Final = 1.0
"""Seconds from which on the log names the pause."""


def serve_in_workers(
    app: str,
    settings: Settings,
    logs: LogOptions,
    listeners: Sequence[Listener],
    tls: Tls | None,
    workers: int,
    announce: Announce,
) -> int:
    """Serve APP in *workers* processes until Ctrl-C or SIGTERM, which it handles before it calls *announce*.

    Returns:
        The exit code.
    """
    names = [f"worker {number + 1}" for number in range(workers)]
    works = [Work(name, _work, (name, app, settings, logs, tls)) for name in names]
    return Supervisor(_Workers(works), listeners).to_the_end(announce)


@attrs.frozen
class Ready:
    """A worker reports that it serves."""


class _Workers:
    """The group of all workers."""

    stopping: str | None = "Stopping after the batches in flight. Repeat to stop at once."
    done: bool = False

    def __init__(self, works: Sequence[Work]) -> None:
        self.works = works
        self._ready = False
        """Whether any worker has ever served: then APP can be served, and what ends others may be over soon."""
        self._restarts = [Restarts() for _ in works]

    def reported(self, number: int, report: Ready, *, stopping: bool) -> None:  # noqa: ARG002 - nothing is printed
        self._ready = True

    def ended(self, number: int, ended: Ended) -> float | None:
        if not self._ready:
            echo(f"Error: {ended.name} {ended.how} before any worker was ready, so all are stopped.", err=True)
            return None
        pause = self._restarts[number].pause(ended)
        when = f" in {pause:g} s" if pause >= _LONG else ""
        echo(f"{ended.name} {ended.how}; it is started again{when}", err=True)
        return pause

    def abandon(self) -> None:
        """There is nothing to clean up."""


def _work(
    name: str,
    app: str,
    settings: Settings,
    logs: LogOptions,
    tls: Tls | None,
    sockets: Sequence[socket],
    reports: Connection,
) -> None:
    """The main function of the worker *name*. It reports on *reports* once it serves."""
    with supervised(), logging_to_stderr(logs), reports:
        try:
            served = create_app(*load_app(app).served, settings=settings)
            in_a_loop(_until_signal(served, sockets, tls, reports), "Flink sends the batches in flight again.")
        except (AppError, CertificatesError, StatefunActorsError) as error:
            write(printable_lines(f"Error: {name}: {error}"), err=True)
            sys.exit(1)


async def _until_signal(app: Quart, sockets: Sequence[socket], tls: Tls | None, reports: Connection) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    async def wanted() -> None:
        with contextlib.suppress(OSError):  # the supervisor was killed, and this process ends, too
            reports.send(Ready())
        await stop.wait()

    def terminated(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop.set)

    with (
        at_the_end_of_the_supervisor(stop.set),
        loop_kept_from_children(loop),
        signals_kept_from_children(terminated),
    ):
        signal.signal(signal.SIGTERM, terminated)
        await serve_until(wanted, app, sockets, tls)
