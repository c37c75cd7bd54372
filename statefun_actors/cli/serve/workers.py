"""The worker processes of ``serve --workers``; one that dies is replaced."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from socket import socket
from types import FrameType
from typing import Final, TypeAlias

from quart import Quart

from statefun_actors.cli.loading import load_app
from statefun_actors.cli.logs import LogOptions, logging_to_stderr
from statefun_actors.cli.looping import in_a_loop
from statefun_actors.cli.output import echo
from statefun_actors.cli.processes import Ended, Supervisor, Work, at_the_end_of_the_supervisor, supervised
from statefun_actors.cli.serve.serving import serve_until
from statefun_actors.http import Listener, Tls, create_app
from statefun_actors.settings import Settings
from statefun_actors.system import loop_kept_from_children, signals_kept_from_children

Announce: TypeAlias = Callable[[], None]

_SOON: Final = 1.0
"""Seconds: a worker that ends sooner after it loaded APP is not replaced, since its successor might end, too."""


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
    works = [Work(f"worker {number + 1}", _work, (app, settings, logs, tls)) for number in range(workers)]
    return Supervisor(_Workers(works), listeners).to_the_end(announce)


class _Workers:
    """The group of all workers."""

    stopping: str | None = "Stopping after the batches in flight. Repeat to stop at once."
    done: bool = False

    def __init__(self, works: Sequence[Work]) -> None:
        self.works = works
        self._loaded: dict[int, float] = {}
        """By number, the time at which a running worker had loaded APP, in seconds of the monotonic clock."""

    def reported(self, number: int, report: float, *, stopping: bool) -> None:  # noqa: ARG002 - nothing is printed
        self._loaded[number] = report

    def ended(self, number: int, ended: Ended) -> float | None:
        echo(f"{ended.name} ended with exit code {ended.exit_code}", err=True)
        loaded = self._loaded.pop(number, None)
        return None if loaded is None or time.monotonic() - loaded < _SOON else 0.0

    def abandon(self) -> None:
        """There is nothing to clean up."""


def _work(
    app: str, settings: Settings, logs: LogOptions, tls: Tls | None, sockets: Sequence[socket], loaded: Connection
) -> None:
    """The main function of a worker. It sends the time on *loaded* after it has loaded APP."""
    with supervised(), logging_to_stderr(logs):
        served = create_app(*load_app(app).served, settings=settings)
        with loaded:
            loaded.send(time.monotonic())
        in_a_loop(_until_signal(served, sockets, tls), "Flink sends the batches in flight again.")


async def _until_signal(app: Quart, sockets: Sequence[socket], tls: Tls | None) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def terminated(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop.set)

    with (
        at_the_end_of_the_supervisor(stop.set),
        loop_kept_from_children(loop),
        signals_kept_from_children(terminated),
    ):
        signal.signal(signal.SIGTERM, terminated)
        await serve_until(stop.wait, app, sockets, tls)
