"""The supervisor of ``run --partitions``: one process for each partition; one that dies is started again alone.

It opens all listening sockets, one for each partition and address, and keeps them open: the kernel distributes
connections over them, and those that wait at the socket of a dead partition are not lost.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType
from typing import Final

import attrs

from statefun_actors.assembly.partitions import Neighbours
from statefun_actors.backoff import Backoff
from statefun_actors.cli.output import echo
from statefun_actors.cli.run.partition_process import PartitionTask, Progress, run_partition
from statefun_actors.cli.signals import STOP_SIGNALS, Terminals, heard, is_repeated
from statefun_actors.http import STOP_SECONDS, Listener
from statefun_actors.partitions import Partition
from statefun_actors.store.partitioned import Layout

_LOOKS: Final = 0.5
"""Seconds between two checks for processes that have ended."""
_BACKOFF: Final = Backoff(0.05, 10.0)
_STEADY: Final = 30.0
"""Seconds after which a partition that dies is started again at once."""
_LONGEST_PATH: Final = 90
"""Bytes of the folder of sockets: the kernel limits their paths to about 100."""


@attrs.define
class _Process:
    """The process of one partition, now or next."""

    neighbours: Neighbours
    process: SpawnProcess | None = None
    reports: Connection | None = None
    started: float = 0.0
    due: float = 0.0
    """When it is started, if it does not run."""
    failures: int = 0
    ready: bool = False
    """Whether it has ever been ready."""
    handled: int = 0


class Supervisor:
    """Runs the partitions of *layout* until Ctrl-C or SIGTERM.

    Args:
        task: what they share.
        listeners: with a socket for each partition.
        quiet: whether only errors are shown.
    """

    def __init__(self, task: PartitionTask, layout: Layout, listeners: Sequence[Listener], *, quiet: bool) -> None:
        self._task, self._listeners, self._quiet = task, listeners, quiet
        self._sockets, self._temporary = _folder_of_sockets(task.store)
        self._processes = [
            _Process(Neighbours(Partition(own, layout.partitions), layout.system, self._sockets, task.store))
            for own in range(layout.partitions)
        ]
        self._signals = 0
        self._terminals = Terminals()
        self._woken, self._wake = os.pipe()

    def to_the_end(self, announce: Callable[[], None]) -> int:
        """Run, and return the exit code. *announce* is called once all partitions are ready."""
        for number in heard():
            signal.signal(number, self._on_signal)
        code, announced = 0, False
        try:
            while not self._signals and not code:
                self._start_those_due()
                wait(self._awaited(), self._pause())
                code = self._read_reports()
                if not announced and all(each.ready for each in self._processes):
                    announced = True
                    announce()
        finally:
            stopped = self._stop()
            if self._temporary:
                shutil.rmtree(self._sockets, ignore_errors=True)
        if announced and not self._quiet:
            handled = ", ".join(f"partition {n}: {each.handled:,}" for n, each in enumerate(self._processes))
            echo(f"Stopped. Messages handled: {sum(each.handled for each in self._processes):,} ({handled})", err=True)
        return code or stopped

    # --- processes

    def _start_those_due(self) -> None:
        now = time.monotonic()
        for each in self._processes:
            if each.process is None and each.due <= now:
                self._start(each)

    def _start(self, each: _Process) -> None:
        own = each.neighbours.own.own
        context = multiprocessing.get_context("spawn")
        each.reports, reports = context.Pipe(duplex=False)
        sockets = [listener.sockets[own] for listener in self._listeners]
        each.process = context.Process(
            target=run_partition, args=(self._task, each.neighbours, sockets, reports), name=f"partition {own}"
        )
        each.process.start()
        each.started = time.monotonic()
        reports.close()

    def _awaited(self) -> list[Connection | int]:
        found: list[Connection | int] = [self._woken]
        for each in self._processes:
            if each.process is not None and each.reports is not None:
                found += [each.process.sentinel, each.reports]
        return found

    def _pause(self) -> float:
        due = [each.due for each in self._processes if each.process is None]
        return max(0.0, min([_LOOKS, *(at - time.monotonic() for at in due)]))

    def _read_reports(self) -> int:
        """Read what processes report, and note those that have ended. Returns an exit code to end with, or 0."""
        for each in self._processes:
            if each.process is None:
                continue
            ended = not each.process.is_alive()
            _read(each)
            if ended:
                code = self._ended(each, each.process)
                if code:
                    return code
        return 0

    def _ended(self, each: _Process, process: SpawnProcess) -> int:
        """*process* has ended by itself. Returns the exit code to end with if it can't be started; else 0."""
        now, exit_code = time.monotonic(), process.exitcode or 0
        process.join()
        each.process = None
        how = f"ended with exit code {exit_code}"
        if exit_code < 0:
            how = f"was killed by {signal.Signals(-exit_code).name}"
        if not each.ready:
            echo(f"Error: {process.name} {how} before it was ready, so all partitions are stopped.", err=True)
            return exit_code if exit_code > 0 else 1
        each.failures = 0 if now - each.started > _STEADY else each.failures + 1
        pause = _BACKOFF.seconds(each.failures) if each.failures else 0.0
        each.due = now + pause
        echo(f"Warning: {process.name} {how}; it is started again{f' in {pause:g} s' if pause >= 1 else ''}.", err=True)
        return 0

    # --- the end

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        self._terminals.forget_those_gone()
        if self._signals and is_repeated(number):
            return
        self._signals += 1
        if self._signals > 1:
            for each in self._processes:
                if each.process is not None:
                    each.process.kill()
            if self._temporary:
                shutil.rmtree(self._sockets, ignore_errors=True)
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        os.write(self._wake, b"!")

    def _stop(self) -> int:
        """Stop all partitions; return 1 if one did not stop in time, or with an error."""
        for listener in self._listeners:
            listener.close()
        if self._signals and not self._quiet:
            echo("Stopping: running handlers finish, and results are stored. Repeat to stop at once.", err=True)
        running = [(each, each.process) for each in self._processes if each.process is not None]
        for _, process in running:
            process.terminate()
        until = time.monotonic() + STOP_SECONDS
        for each, process in running:
            while process.is_alive() and time.monotonic() < until:
                wait([process.sentinel], min(_LOOKS, max(0.0, until - time.monotonic())))
            if process.is_alive():
                process.kill()
            process.join()
            _read(each)
        # One that got SIGTERM before it ran anything was killed by it.
        fine = {0, *(-number for number in STOP_SIGNALS)}
        return int(any(process.exitcode not in fine for _, process in running))


def _read(each: _Process) -> None:
    """Read what *each* has reported."""
    reports = each.reports
    try:
        while reports is not None and reports.poll():
            progress: Progress = reports.recv()
            if progress.what == "ready":
                each.ready = True
            each.handled += progress.handled
    except (EOFError, OSError):
        if reports is not None:
            reports.close()
        each.reports = None


def _folder_of_sockets(store: Path) -> tuple[Path, bool]:
    """A folder for Unix sockets, which only this user can access; and whether it was made for that."""
    folder = store.resolve()
    if len(os.fsencode(folder)) <= _LONGEST_PATH and str(folder).isprintable():
        return folder, False
    return Path(tempfile.mkdtemp(prefix="statefun-actors-")), True
