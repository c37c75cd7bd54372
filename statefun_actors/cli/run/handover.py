"""Handover between two runs of ``--reload``: the new run loads its code, and starts once the old run has ended.

If the new code can't be loaded, the old run continues. The loaded code is the code that runs, even if files change
meanwhile. The two processes communicate by pipes, whose descriptors are in the environment of the new run.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
from collections.abc import Sequence
from typing import Final

_VARIABLE: Final = "STATEFUN_ACTORS_HANDOVER"
_ENDS: Final = 5.0
"""Seconds until a run that has not started is killed, if it does not end: code that it loads may ignore SIGTERM."""


class Turn:
    """The end of the new run. Made at the start, before code of the application can see the environment."""

    def __init__(self) -> None:
        named = os.environ.pop(_VARIABLE, None)
        self._pipes = None if named is None else [int(number) for number in named.split(",")]

    def wait(self) -> None:
        """Report that the code is loaded, and wait for the end of the old run, if any.

        Raises:
            SystemExit: this run must not start.
        """
        if self._pipes is None:
            return
        loaded, turn = self._pipes
        with contextlib.suppress(BrokenPipeError):
            os.write(loaded, b"!")
        os.close(loaded)
        mine = os.read(turn, 1)
        os.close(turn)
        if not mine:
            raise SystemExit(0)


class NextRun:
    """The end of the watching process. Starts *command*, which loads its code and waits."""

    def __init__(self, command: Sequence[str]) -> None:
        self._loaded, loaded = os.pipe()
        turn, self._turn = os.pipe()
        try:
            environment = {**os.environ, _VARIABLE: f"{loaded},{turn}"}
            self.process = subprocess.Popen(command, env=environment, pass_fds=(loaded, turn))
        finally:
            os.close(loaded)
            os.close(turn)

    def is_loaded(self) -> bool | None:
        """Whether its code was loaded; None while it is being loaded. If False, it has ended."""
        if not select.select([self._loaded], [], [], 0)[0]:
            return None
        if os.read(self._loaded, 1):
            return True
        self.end()
        return False

    def begin(self) -> None:
        """Start the new run."""
        with contextlib.suppress(BrokenPipeError):  # it has ended meanwhile
            os.write(self._turn, b"!")
        self._close()

    def end(self) -> None:
        """End the new run before it starts."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            self.process.wait(_ENDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._close()

    def _close(self) -> None:
        os.close(self._loaded)
        os.close(self._turn)
