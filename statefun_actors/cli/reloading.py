"""``run --reload``: the run as a process of its own, stopped and started again whenever a Python file of APP changes.

State is kept, since it is in the store, and a stop is a clean one. New code is loaded beside the running one first:
with a mistake in it, of syntax or of definition, that is shown and the old code goes on. What only a start can find,
such as a store that the new classes can't read, ends the new run; the next change starts another.
"""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

import click

from statefun_actors.cli.output import echo
from statefun_actors.cli.signals import STOP_SIGNALS, Terminals, heard, is_repeated

if TYPE_CHECKING:
    from watchfiles import Change

_LOOKS: Final = 200
"""Milliseconds between two looks at whether the run has ended."""
_CHECK: Final = "from statefun_actors.cli.reloading import check; check()"


def run_reloading(app: str, arguments: Sequence[str]) -> int:
    """Run ``statefun-actors`` with *arguments* again and again, until a signal; the exit code of the last one."""
    try:
        import watchfiles
    except ImportError:
        raise click.UsageError(
            "--reload needs watchfiles, which is not installed: pip install 'statefun-actors[reload]'."
        ) from None
    folder = _folder(app)
    run = _Reloaded(app, [sys.executable, "-m", "statefun_actors", *arguments])
    with run:
        changes = watchfiles.watch(
            folder,
            watch_filter=watchfiles.PythonFilter(),
            yield_on_timeout=True,
            rust_timeout=_LOOKS,
            raise_interrupt=False,
        )
        for changed in changes:
            if run.told:
                break
            if changed:
                run.changed(_names(changed, folder))
            else:
                run.look()
    return run.code


def check() -> None:
    """In a process of its own: load APP, the only argument, and exit with 2 and what is wrong, if anything is."""
    from statefun_actors.cli.loading import AppError, load_app
    from statefun_actors.dispatch import Application
    from statefun_actors.errors import DefinitionError

    try:
        try:
            Application(*load_app(sys.argv[1]).served)
        except DefinitionError as error:
            raise AppError(str(error)) from error
    except AppError as error:
        error.show()
        raise SystemExit(error.exit_code) from None


class _Reloaded:
    """The process that runs now."""

    def __init__(self, app: str, command: Sequence[str]) -> None:
        self.told = False
        """Whether a signal has come."""
        self.code = 0
        self._app, self._command = app, command
        self._heard = heard()
        self._terminals = Terminals()
        self._ended = False

    def __enter__(self) -> None:
        self._start()

    def __exit__(self, *_: object) -> None:
        self.code = self._process.wait()
        for number in self._heard:
            signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)

    def changed(self, names: str) -> None:
        """Start again, if what has changed can be loaded."""
        _say(f"{names} changed.")
        if subprocess.run([sys.executable, "-c", _CHECK, self._app], check=False).returncode:
            _say("The code that was loaded before goes on." if self._process.poll() is None else "Nothing runs.")
            return
        self._stop()
        if not self.told:
            self._start()

    def look(self) -> None:
        """Say so if the run has ended by itself."""
        if not self._ended and (code := self._process.poll()) is not None:
            self._ended = True
            _say(f"The run has ended, with exit code {code}. A change of a file starts it again; Ctrl-C ends this.")

    def _stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        self._process.wait()

    def _start(self) -> None:
        # Ctrl-C and a closed window reach every process at the terminal: the run leaves them to this one, and is told
        # by SIGTERM.
        for number in STOP_SIGNALS:
            if number is not signal.SIGTERM:
                signal.signal(number, signal.SIG_IGN)
        self._process, self._ended = subprocess.Popen(self._command), False
        for number in self._heard:
            signal.signal(number, self._signalled)

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        self._terminals.forget_those_gone()
        if self.told and is_repeated(number):
            return
        self.told = True
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()  # a second one ends it at once


def _folder(app: str) -> Path:
    """Where the code of *app* is: its folder, or for a module the one that modules are found from."""
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
