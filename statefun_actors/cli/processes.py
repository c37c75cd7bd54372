"""Several processes of one command, and their supervisor: it starts again those that end, and stops all by a signal.

Each process loads the application by itself, so threads and connections that it opens at import are not shared by
accident. The supervisor opens all listening sockets, one for each process and address, and keeps them open: the kernel
distributes connections over them, and those that wait at the socket of a process that ended are not lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Generator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from socket import socket
from types import FrameType
from typing import Any as Untyped
from typing import Final, Protocol

import attrs

from statefun_actors.cli.output import echo
from statefun_actors.cli.signals import STOP_SIGNALS, Terminals, heard, is_repeated
from statefun_actors.http import STOP_SECONDS, Listener
from statefun_actors.system import signals_kept_from_children

_LOOKS: Final = 0.5
"""Seconds between two checks for processes that have ended: the sentinel of a process stays open while a child lives
that a handler has started."""
_MOST_REPORTS: Final = 100
"""Reports of one process that are read before those of the others are."""


@attrs.frozen
class Work:
    """What one process runs.

    Args:
        name: of the process, for messages.
        main: gets *arguments*, the sockets of the process, and a connection for its reports and for messages to
            it; all are pickled.
    """

    name: str
    main: Callable[..., None]
    arguments: Sequence[Untyped]


@attrs.frozen
class Ended:
    """A process that has ended by itself, after *seconds*. *exit_code*: as of ``multiprocessing``."""

    name: str
    exit_code: int
    seconds: float

    @property
    def how(self) -> str:
        """How it has ended, for messages: ``was killed by SIGKILL``."""
        if self.exit_code < 0:
            return f"was killed by {signal.Signals(-self.exit_code).name}"
        return f"ended with exit code {self.exit_code}"


class Group(Protocol):
    """The processes of a command, by number."""

    works: Sequence[Work]
    stopping: str | None
    """What is printed when a signal has come; None: nothing."""
    done: bool
    """Whether there is nothing left to do, so all are stopped."""

    def reported(self, number: int, report: Untyped, /, *, stopping: bool) -> None:
        """Process *number* has sent *report*. *stopping*: all processes are being stopped."""
        ...

    def ended(self, number: int, ended: Ended, /) -> float | None:
        """Print that process *number* has ended.

        Returns:
            The seconds until it is started again; None: it would end again, so all are stopped.
        """
        ...

    def abandon(self) -> None:
        """Clean up: a second signal has killed the processes, and kills this one, too."""
        ...


@attrs.define
class _Process:
    """One process, now or next."""

    process: SpawnProcess | None = None
    reports: Connection | None = None
    started: float = 0.0
    due: float = 0.0
    """When it is started, if it does not run."""


class Supervisor:
    """Runs the processes of *group* until Ctrl-C or SIGTERM, or until the group is done.

    Args:
        listeners: with a socket for each process.
    """

    def __init__(self, group: Group, listeners: Sequence[Listener]) -> None:
        self._group, self._listeners = group, listeners
        self._processes = [_Process() for _ in group.works]
        self.signal: signal.Signals | None = None
        """The signal that has stopped it."""
        self._signals, self._stopping = 0, False
        self._terminals = Terminals()
        self._woken, self._wake = os.pipe()

    def to_the_end(self, announce: Callable[[], None] | None = None) -> int:
        """Run, and return the exit code: 1 if a process did not stop in time, or with an error.

        *announce* is called once signals are handled.
        """
        for number in heard():
            signal.signal(number, self._on_signal)
        code = 0
        try:
            if announce is not None:
                announce()
            while not (self._signals or code or self._group.done):
                self._start_those_due()
                wait(self._awaited(), self._pause())
                code = self._look()
        finally:
            stopped = self._stop()
        return code or stopped

    # --- processes

    def send(self, number: int, message: object) -> None:
        """Send *message* to process *number*, if that runs; it reads it from the connection of its reports."""
        reports = self._processes[number].reports
        if reports is not None:
            with contextlib.suppress(OSError):  # it has ended
                reports.send(message)

    def _start_those_due(self) -> None:
        now = time.monotonic()
        for number, each in enumerate(self._processes):
            if each.process is None and each.due <= now:
                self._start(each, self._group.works[number], [listener.sockets[number] for listener in self._listeners])

    @staticmethod
    def _start(each: _Process, work: Work, sockets: Sequence[socket]) -> None:
        context = multiprocessing.get_context("spawn")
        each.reports, reports = context.Pipe()
        each.process = context.Process(target=work.main, args=(*work.arguments, sockets, reports), name=work.name)
        each.process.start()
        each.started = time.monotonic()
        reports.close()

    def _awaited(self) -> list[Connection | int]:
        found: list[Connection | int] = [self._woken]
        for each in self._processes:
            if each.process is not None:
                found.append(each.process.sentinel)
            if each.reports is not None:
                found.append(each.reports)
        return found

    def _pause(self) -> float:
        due = [each.due for each in self._processes if each.process is None]
        return max(0.0, min([_LOOKS, *(at - time.monotonic() for at in due)]))

    def _look(self) -> int:
        """Read what processes report, and note those that have ended. Returns an exit code to end with, or 0."""
        for number, each in enumerate(self._processes):
            process = each.process
            if process is None:
                continue
            ended = not process.is_alive()
            self._read(number, each, None if ended else _MOST_REPORTS)
            if ended and not self._signals:  # after a signal none is started again
                if each.reports is not None:  # a child that a handler has started may hold the other end
                    each.reports.close()
                    each.reports = None
                process.join()
                each.process, exit_code = None, process.exitcode or 0
                seconds = time.monotonic() - each.started
                pause = self._group.ended(number, Ended(process.name, exit_code, seconds))
                if pause is None:
                    return exit_code if exit_code > 0 else 1
                each.due = time.monotonic() + pause
        return 0

    def _read(self, number: int, each: _Process, most: int | None = None) -> None:
        """Read at most *most* reports of process *number*; None: all."""
        for _ in itertools.count() if most is None else range(most):
            reports = each.reports
            if reports is None:
                return
            try:
                if not reports.poll():
                    return
                report = reports.recv()
            except (EOFError, OSError):
                reports.close()
                each.reports = None
            else:
                self._group.reported(number, report, stopping=self._stopping or self._signals > 0)

    # --- the end

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        self._terminals.forget_those_gone()
        if self._signals and is_repeated(number):
            return
        self._signals += 1
        self.signal = signal.Signals(number)
        if self._signals > 1:
            for each in self._processes:
                if each.process is not None:
                    each.process.kill()
            self._group.abandon()
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        os.write(self._wake, b"!")

    def _stop(self) -> int:
        """Stop all processes; return 1 if one did not stop in time, or with an error."""
        self._stopping = True
        for listener in self._listeners:
            listener.close()
        try:
            if self._signals and self._group.stopping is not None:
                echo(self._group.stopping, err=True)
        finally:  # also if standard error can't be written
            code = self._terminate()
        return code

    def _terminate(self) -> int:
        running = [(number, each, each.process) for number, each in enumerate(self._processes) if each.process]
        for _, _, process in running:
            process.terminate()
        until = time.monotonic() + STOP_SECONDS
        for number, each, process in running:
            while process.is_alive() and time.monotonic() < until:
                awaited: list[Connection | int] = [process.sentinel]
                if each.reports is not None:
                    awaited.append(each.reports)
                wait(awaited, min(_LOOKS, max(0.0, until - time.monotonic())))
                self._read(number, each)  # a report may be larger than what a pipe holds
            if process.is_alive():
                process.kill()
            process.join()
            self._read(number, each)
        # One that got SIGTERM before it ran anything was killed by it.
        fine = {0, *(-number for number in STOP_SIGNALS)}
        return int(any(process.exitcode not in fine for _, _, process in running))


# --- in the processes


@contextlib.contextmanager
def supervised() -> Generator[None]:
    """Leave signals to the supervisor, which sends SIGTERM: every process at a terminal gets the others, too."""
    for number in heard():
        if number is not signal.SIGTERM:
            signal.signal(number, _left_to_the_supervisor)  # not SIG_IGN, which child processes would inherit
    with signals_kept_from_children(_left_to_the_supervisor):
        yield


def _left_to_the_supervisor(_number: int, _frame: FrameType | None) -> None: ...


@contextlib.contextmanager
def at_the_end_of_the_supervisor(stop: Callable[[], None]) -> Generator[None]:
    """Until the block ends, call *stop* in the event loop once the supervisor was killed."""
    loop, parent = asyncio.get_running_loop(), multiprocessing.parent_process()
    assert parent is not None
    sentinel = parent.sentinel

    def alone() -> None:
        loop.remove_reader(sentinel)
        stop()

    loop.add_reader(sentinel, alone)
    try:
        yield
    finally:
        loop.remove_reader(sentinel)
