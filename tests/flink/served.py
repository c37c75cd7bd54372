"""``statefun-actors serve`` as users start it: a process of its own; and other programs that serve functions."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0

# The process ends with the one that started it, however that comes to its end.
_LEASH: Final = (
    "import ctypes, os, signal, sys\n"
    "if sys.platform == 'linux': ctypes.CDLL(None).prctl(1, signal.SIGKILL)\n"  # PR_SET_PDEATHSIG
    "os.execv(sys.argv[1], sys.argv[1:])"
)


class Served:
    """A program that serves functions, and prints a line that begins with ``Serving`` once it does.

    It can be killed and started again.

    Args:
        command: the path of the program, and its arguments.
        environment: variables on top of those of this process.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._command = command
        self._environment = {**os.environ, **(environment or {})}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """Its process id; with several workers, that of their parent."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Return when it takes requests."""
        self._process = process = subprocess.Popen(
            [sys.executable, "-c", _LEASH, *self._command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._log, text=True, env=self._environment,
        )  # fmt: skip
        assert process.stdout is not None
        late = threading.Timer(START_SECONDS, process.kill)
        late.start()
        line = process.stdout.readline()  # it says where it listens, once it does
        late.cancel()
        assert line.startswith("Serving "), f"{self._command[0]} said {line!r}\n{self.log()}"

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        return self._end(signal.SIGTERM)

    def log(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-4_000:]

    def close(self) -> None:
        if self._process is not None:
            self.kill()
        self._log.close()

    def _end(self, how: signal.Signals) -> int:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        process.send_signal(how)
        try:
            status = process.wait(STOP_SECONDS)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            self._process = None
        return status


class ServedApp(Served):
    """An app behind ``statefun-actors serve``.

    Args:
        app: as the command line takes it.
        port: to listen at.
        options: further ones of the command.
    """

    def __init__(self, app: Path, port: int, *options: str) -> None:
        program = Path(sys.executable).with_name("statefun-actors")
        found = str(program) if program.exists() else shutil.which("statefun-actors")
        assert found, "the package is not installed"
        super().__init__([found, "serve", str(app), "--bind", f"127.0.0.1:{port}", *options])
