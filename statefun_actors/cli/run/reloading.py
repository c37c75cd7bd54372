"""``run --reload``: runs the application in a child process, which is replaced when a Python file of APP changes.

State is kept, since it is in the store, and each stop is clean. The new process loads its code while the old one still
runs: errors of syntax or definition are printed, and the old one runs on. The code may block while it is imported: a
further change ends the process that loads, and starts another. Errors that only a start can find, such as a store that
the new classes can't read, end the new process; the next change starts another.
"""

from __future__ import annotations

import contextlib
import math
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING, Final

import click

from statefun_actors.cli.output import echo
from statefun_actors.cli.run.handover import NextRun
from statefun_actors.cli.signals import STOP_SIGNALS, Terminals, heard, is_repeated

if TYPE_CHECKING:
    from watchfiles import Change

_LOOKS: Final = 0.2
"""Seconds between two checks whether the process has ended, and whether the changed code is loaded."""
_LONG: Final = 5.0
"""Seconds of loading after which this is said."""


def run_reloading(app: str, arguments: Sequence[str]) -> int:
    """Run ``statefun-actors`` with *arguments* repeatedly, until a signal; return the last exit code."""
    try:
        import watchfiles
    except ImportError:
        raise click.UsageError(
            "--reload needs watchfiles, which is not installed: pip install 'statefun-actors[reload]'."
        ) from None
    folder = _folder(app)
    # -B: compiled files are matched by the second of the change, in which there may be another change.
    run = _Reloaded([sys.executable, "-B", "-m", "statefun_actors", *arguments])
    found: SimpleQueue[set[tuple[Change, str]] | Exception] = SimpleQueue()
    over = threading.Event()

    def watch() -> None:
        try:
            for changed in watchfiles.watch(
                folder, watch_filter=watchfiles.PythonFilter(), stop_event=over, raise_interrupt=False
            ):
                found.put(changed)
        except Exception as error:
            found.put(error)

    # A thread of its own: the watcher says nothing while other files of the folder change, as a store there does.
    watching = threading.Thread(target=watch, name="watching", daemon=True)
    with run:
        watching.start()
        while not run.stopping:
            try:
                changed = found.get(timeout=_LOOKS)
            except Empty:
                run.look()
                run.replace()
                continue
            if isinstance(changed, Exception):
                raise changed
            run.changed(_names(changed, folder))
        over.set()
        watching.join()
    return run.code


class _Reloaded:
    """The current process, and the one that loads changed code, if any."""

    def __init__(self, command: Sequence[str]) -> None:
        self.stopping = False
        """Whether a signal was received."""
        self._forced = False
        """Whether a second one was received."""
        self.code = 0
        self._command = command
        self._heard = heard()
        self._terminals = Terminals()
        self._process: subprocess.Popen[bytes]
        self._ended = False
        self._following: NextRun | None = None
        self._said_at = 0.0
        """The time at which it is said that loading takes long."""

    def __enter__(self) -> None:
        self._start()

    def __exit__(self, *_: object) -> None:
        self._end_following()
        self.code = self._process.wait()
        if self.code < 0:  # a process that was stopped before it listened has lost nothing
            self.code = 0 if self.code == -signal.SIGTERM and not self._forced else 128 - self.code
        for number in self._heard:
            signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)

    def changed(self, names: str) -> None:
        """Load the changed code in a process; one that still loads the code before the change is ended."""
        _say(f"{names} changed.")
        self._end_following()
        with self._signals_left_to_this():
            self._following = NextRun(self._command)
        self._said_at = time.monotonic() + _LONG

    def replace(self) -> None:
        """Restart, if changed code is loaded by now. Report it if it can't be loaded, and once if it takes long."""
        following = self._following
        if following is None:
            return
        loaded = following.is_loaded()
        if loaded is None:
            if time.monotonic() >= self._said_at:
                self._said_at = math.inf
                _say(f"The new code is still loading after {_LONG:g} s. {self._meanwhile()} A change starts anew.")
            return
        self._following = None
        if not loaded:
            _say(self._meanwhile())
            return
        self._stop()
        if self.stopping:
            following.end()
            return
        self._process, self._ended = following.process, False
        following.begin()
        if self.stopping:  # the signal was received before this process was the current one
            self._terminate()

    def look(self) -> None:
        """Report it if the process has ended by itself."""
        if not self._ended and (code := self._process.poll()) is not None:
            self._ended = True
            _say(f"The run has ended, with exit code {code}. A change of a file restarts it; Ctrl-C ends the command.")

    def _meanwhile(self) -> str:
        return "The previous code goes on." if self._process.poll() is None else "No process runs."

    def _end_following(self) -> None:
        if self._following is not None:
            self._following.end()
            self._following = None

    def _stop(self) -> None:
        self._terminate()
        self._process.wait()

    def _terminate(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def _start(self) -> None:
        with self._signals_left_to_this():
            self._process, self._ended = subprocess.Popen(self._command), False

    @contextlib.contextmanager
    def _signals_left_to_this(self) -> Generator[None]:
        """Ctrl-C and a closed window signal every process at the terminal: the child process ignores them, and this
        process stops it by SIGTERM.
        """
        for number in STOP_SIGNALS:
            if number is not signal.SIGTERM:
                signal.signal(number, signal.SIG_IGN)
        try:
            yield
        finally:
            for number in self._heard:
                signal.signal(number, self._signalled)

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        self._terminals.forget_those_gone()
        if self.stopping and is_repeated(number):
            return
        self._forced = self.stopping
        self.stopping = True
        self._terminate()  # a second SIGTERM ends it at once


def _folder(app: str) -> Path:
    """The folder of the code of *app*; of a module, the folder that modules are imported from."""
    for place in (app, re.sub(r":[^:/]+$", "", app)):
        path = Path(place)
        if path.exists():
            return path if path.is_dir() else path.parent
    return Path()


def _names(changed: set[tuple[Change, str]], folder: Path) -> str:
    paths = sorted({Path(path) for _, path in changed})
    root = folder.resolve()
    return ", ".join(str(path.relative_to(root)) if path.is_relative_to(root) else str(path) for path in paths)


def _say(text: str) -> None:
    echo(text, err=True)
