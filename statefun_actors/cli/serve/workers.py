"""Worker processes that serve one application, and their supervisor.

Each worker loads APP by itself, so threads and connections that an app opens at import are not shared by accident. Each
has its own socket, which the supervisor keeps open, too: waiting connections are not lost when a worker dies and is
replaced.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from socket import socket
from types import FrameType
from typing import Final, TypeAlias

from quart import Quart

from statefun_actors.cli.loading import load_app
from statefun_actors.cli.logs import LogOptions, logging_to_stderr
from statefun_actors.cli.looping import in_a_loop
from statefun_actors.cli.serve.serving import serve_until
from statefun_actors.cli.signals import STOP_SIGNALS, Terminals, heard, is_repeated
from statefun_actors.http import STOP_SECONDS, Listener, Tls, create_app
from statefun_actors.settings import Settings
from statefun_actors.system import loop_kept_from_children, signals_kept_from_children

Announce: TypeAlias = Callable[[], None]

_LOOKS: Final = 0.5
"""Seconds between two checks for workers that have ended."""
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
    return _Watch(app, settings, logs, listeners, tls).over(workers, announce)


class _Watch:
    """The supervisor."""

    def __init__(
        self, app: str, settings: Settings, logs: LogOptions, listeners: Sequence[Listener], tls: Tls | None
    ) -> None:
        self._app, self._settings, self._logs, self._listeners, self._tls = app, settings, logs, listeners, tls
        self._running: dict[int, tuple[SpawnProcess, Connection]] = {}
        """By index, each worker and the pipe on which it sends the time when it had loaded APP."""
        self._signals = 0
        self._terminals = Terminals()
        self._woken, self._wake = os.pipe()

    def over(self, workers: int, announce: Announce) -> int:
        for number in heard():
            signal.signal(number, self._signal)
        announce()
        for index in range(workers):
            self._start(index)
        code = 0
        while self._running:
            # The sentinel of a worker stays open while a child that a handler has started lives.
            wait([self._woken, *(process.sentinel for process, _ in self._running.values())], _LOOKS)
            if self._signals:
                break
            code = self._replace_the_dead()
            if code:
                break
        return self._stop() or code

    def _start(self, index: int) -> None:
        sockets = [listener.sockets[index] for listener in self._listeners]
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(
            target=_work,
            args=(self._app, self._settings, self._logs, sockets, self._tls, sender),
            name=f"worker {index + 1}",
        )
        process.start()
        sender.close()
        self._running[index] = (process, receiver)

    def _replace_the_dead(self) -> int:
        """The exit code to end with, 0 to continue."""
        for index, (process, receiver) in list(self._running.items()):
            if process.is_alive():
                continue
            del self._running[index]
            print(f"{process.name} ended with exit code {process.exitcode}", file=sys.stderr, flush=True)
            loaded = _loaded_at(receiver)
            if loaded is None or time.monotonic() - loaded < _SOON:
                return process.exitcode if process.exitcode and process.exitcode > 0 else 1
            self._start(index)
        return 0

    def _signal(self, number: int, _: FrameType | None) -> None:
        self._terminals.forget_those_gone()
        if self._signals and is_repeated(number):
            return
        self._signals += 1
        if self._signals > 1:
            for process, _receiver in self._running.values():
                process.kill()
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        os.write(self._wake, b"!")

    def _stop(self) -> int:
        """Stop all workers; return 1 if one did not stop in time."""
        for listener in self._listeners:
            listener.close()
        if self._signals:
            print("Stopping after the batches in flight. Repeat to stop at once.", file=sys.stderr)
        processes = [process for process, _ in self._running.values()]
        for process in processes:
            process.terminate()
        until = time.monotonic() + STOP_SECONDS
        for process in processes:
            while process.is_alive() and time.monotonic() < until:
                wait([process.sentinel], min(_LOOKS, max(0.0, until - time.monotonic())))
            if process.is_alive():
                process.kill()
                process.join()
        # A worker that got SIGTERM before it served anything was killed by it.
        return int(any(process.exitcode not in {0, *(-number for number in STOP_SIGNALS)} for process in processes))


def _loaded_at(receiver: Connection) -> float | None:
    """The time at which an ended worker had loaded APP, in seconds of the monotonic clock; None if it never had."""
    with receiver:
        try:
            loaded: float | None = receiver.recv() if receiver.poll() else None
        except EOFError:
            return None
    return loaded


def _work(
    app: str, settings: Settings, logs: LogOptions, sockets: Sequence[socket], tls: Tls | None, loaded: Connection
) -> None:
    """The main function of a worker. It sends the time on *loaded* after it has loaded APP."""
    for number in heard():
        if number is not signal.SIGTERM:  # every process at a terminal gets them; the supervisor stops the workers
            # Not SIG_IGN, which child processes would inherit.
            signal.signal(number, _left_to_the_watching_process)
    with signals_kept_from_children(_left_to_the_watching_process), logging_to_stderr(logs):
        served = create_app(*load_app(app).served, settings=settings)
        with loaded:
            loaded.send(time.monotonic())
        in_a_loop(_until_signal(served, sockets, tls), "Flink sends the batches in flight again.")


async def _until_signal(app: Quart, sockets: Sequence[socket], tls: Tls | None) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def terminated(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop.set)

    parent = multiprocessing.parent_process()
    assert parent is not None

    def alone() -> None:
        """Stop, since the supervisor was killed."""
        loop.remove_reader(parent.sentinel)
        stop.set()

    loop.add_reader(parent.sentinel, alone)
    with loop_kept_from_children(loop), signals_kept_from_children(terminated):
        signal.signal(signal.SIGTERM, terminated)
        await serve_until(stop.wait, app, sockets, tls)


def _left_to_the_watching_process(_number: int, _frame: FrameType | None) -> None: ...
