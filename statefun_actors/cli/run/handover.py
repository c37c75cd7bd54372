"""From one run to the next under ``--reload``: the new one loads its code first, and begins once the old one has ended.

So the code that is loaded is the code that runs, whatever happens to its files in the meantime, and the old run goes on
where the new code can't be loaded. The two ends are pipes, named in the environment of the new run.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
from collections.abc import Callable, Sequence
from typing import Final

_VARIABLE: Final = "STATEFUN_ACTORS_HANDOVER"
_LOOKS: Final = 0.2
"""Seconds between two looks at whether it is still wanted."""


class Turn:
    """In the new run: take it at the start, before any code of the application could see the environment."""

    def __init__(self) -> None:
        named = os.environ.pop(_VARIABLE, None)
        self._pipes = None if named is None else [int(number) for number in named.split(",")]

    def wait(self) -> None:
        """Say that the code is loaded; return when the old run has ended, at once where there is none.

        Raises:
            SystemExit: this one is not to begin.
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
    """In the process that watches: *command*, started, which loads its code and waits."""

    def __init__(self, command: Sequence[str]) -> None:
        self._loaded, loaded = os.pipe()
        turn, self._turn = os.pipe()
        try:
            environment = {**os.environ, _VARIABLE: f"{loaded},{turn}"}
            self.process = subprocess.Popen(command, env=environment, pass_fds=(loaded, turn))
        finally:
            os.close(loaded)
            os.close(turn)

    def is_loaded(self, unwanted: Callable[[], bool]) -> bool:
        """Whether its code could be loaded; False, too, once it is *unwanted*. If False, it has ended."""
        while not unwanted():
            if select.select([self._loaded], [], [], _LOOKS)[0]:
                if os.read(self._loaded, 1):
                    return True
                break
        self.end()
        return False

    def begin(self) -> None:
        """It is its turn."""
        with contextlib.suppress(BrokenPipeError):  # it has been ended meanwhile
            os.write(self._turn, b"!")
        self._close()

    def end(self) -> None:
        """It is not to begin."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        self.process.wait()
        self._close()

    def _close(self) -> None:
        os.close(self._loaded)
        os.close(self._turn)
