"""The progress of inputs on a terminal: position, rate, time left. On a pipe: nothing."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from statefun_actors.cli.output import echo, write
from statefun_actors.connectors.files import JsonLinesSource

_WINDOW: Final = 5.0
"""The window of the rate, in seconds."""
_ERASE_LINE_AND_SHOW_CURSOR: Final = b"\r\x1b[2K\x1b[?25h"


_CHECK_EVERY: Final = 2.0
"""Seconds between two lines about a check of stored data."""


class CheckProgress:
    """Prints the progress of a start's check of changed classes, or nothing if *quiet*.

    A check of less than two seconds prints nothing.
    """

    def __init__(self, *, quiet: bool = False, now: Callable[[], float] = time.monotonic) -> None:
        self._quiet, self._now = quiet, now
        self._next = now() + _CHECK_EVERY

    def __call__(self, what: str, done: int) -> None:
        if self._quiet or self._now() < self._next:
            return
        self._next = self._now() + _CHECK_EVERY
        echo(f"Classes have changed, so stored data is checked: {done:,} {what} so far.", err=True)


class Display(Protocol):
    """The display of a run."""

    def show(self) -> None:
        """Update the display."""
        ...

    def say(self, text: str) -> None:
        """Print *text*, which is printable, above the display."""
        ...

    def close(self) -> None:
        """Restore the terminal. Safe to call twice."""
        ...

    def abandon(self) -> None:
        """Restore the terminal right before the process ends. Safe from a signal handler and any thread."""
        ...


class PlainDisplay:
    """For pipes and log files: lines only, or nothing if *quiet*."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet

    def show(self) -> None: ...

    def say(self, text: str) -> None:
        if not self._quiet:
            with contextlib.suppress(OSError):  # an unwritable log does not end the run
                write(text, err=True)

    def close(self) -> None: ...

    def abandon(self) -> None: ...


class BarDisplay:
    """A progress bar over the bytes of all inputs, with lines, rate and time left."""

    def __init__(self, sources: Sequence[JsonLinesSource], phase: Callable[[], str]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        self._sources, self._phase = sources, phase
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TextColumn("{task.fields[lines]:,} lines"),
            TextColumn("{task.fields[rate]:,.0f} lines/s"),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
        )
        self._seen: deque[tuple[float, int, int]] = deque([(time.monotonic(), *self._done())])
        self._task = self._progress.add_task("Reading", total=None, lines=0, rate=0.0, left="")
        self._progress.start()

    def show(self) -> None:
        lines, done = self._done()
        total = sum(source.bytes_total for source in self._sources)
        rate, left = self._pace(time.monotonic(), lines, done, total)
        self._progress.update(
            self._task,
            description=self._phase(),
            completed=done,
            total=max(total, 1),
            lines=lines,
            rate=rate,
            left=left,
        )
        self._progress.refresh()

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        self._progress.stop()

    def abandon(self) -> None:
        # Directly to the terminal: the interrupted code may hold the lock of the console.
        os.write(self._console.file.fileno(), _ERASE_LINE_AND_SHOW_CURSOR)

    def _done(self) -> tuple[int, int]:
        """Lines and bytes read."""
        return sum(source.line for source in self._sources), sum(source.bytes_read for source in self._sources)

    def _pace(self, now: float, lines: int, done: int, total: int) -> tuple[float, str]:
        """Lines a second, and the time left in words."""
        seen = self._seen
        seen.append((now, lines, done))
        while len(seen) > 2 and now - seen[0][0] > _WINDOW:
            seen.popleft()
        then, lines_then, done_then = seen[0]
        seconds = now - then
        if seconds <= 0:
            return 0.0, ""
        bytes_rate = (done - done_then) / seconds
        left = f"{_clock_time((total - done) / bytes_rate)} left" if bytes_rate > 0 else ""
        return (lines - lines_then) / seconds, left


def _clock_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
