"""One process of the cluster: it ends with its parent, and has its own process group and log."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from statefun_actors.cluster.errors import ClusterLateError, ProcessEndedError
from statefun_actors.cluster.leash import guard, leashed

_CAUSE: Final = re.compile(r"^Caused by: (.+)$", re.MULTILINE)
_TAIL: Final = 3_000
"""The number of characters of a log in an error."""


class Child:
    """A child process that writes to *log*."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name, self.log = name, log
        self.started = time.monotonic()
        self._process = process
        self._ended = asyncio.ensure_future(process.wait())

    @classmethod
    async def start(
        cls, name: str, command: Sequence[str], log: Path, *, descriptors: Sequence[int] = (), data: bytes = b""
    ) -> Child:
        """Start it. It inherits *descriptors*, and reads *data* from its standard input."""
        log.parent.mkdir(parents=True, exist_ok=True)
        inherited = [*descriptors, *guard()]
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *leashed(command, os.getpid(), *guard()),
                stdin=asyncio.subprocess.PIPE, stdout=output, stderr=output, pass_fds=inherited,
                start_new_session=True,  # only the parent gets Ctrl-C
            )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(data)
        process.stdin.close()
        return cls(name, process, log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> asyncio.Future[int]:
        """The exit code, as a future; negative: the signal that killed it."""
        return self._ended

    @property
    def has_ended(self) -> bool:
        return self._ended.done()

    def tail(self) -> str:
        """The last cause in the log of a JVM, or the end of the log."""
        with contextlib.suppress(OSError):
            text = self.log.read_text(encoding="utf-8", errors="replace")
            causes = _CAUSE.findall(text)
            return causes[-1] if causes else text[-_TAIL:].strip()
        return ""

    def error(self) -> ProcessEndedError:
        """The error that it has ended, with the end of its log."""
        return ProcessEndedError(self.name, self._ended.result(), str(self.log), self.tail())

    async def logged(self, text: str, seconds: float) -> None:
        """Return when its log has a line *text*.

        Raises:
            ProcessEndedError: it ended first.
            ClusterLateError: it timed out after *seconds*.
        """
        until = time.monotonic() + seconds
        while f"\n{text}\n" not in f"\n{self.log.read_text(encoding='utf-8', errors='replace')}":
            if self.has_ended:
                raise self.error()
            if time.monotonic() > until:
                raise ClusterLateError(f"{self.name} to be {text}", seconds, self.tail())
            await asyncio.wait([self._ended], timeout=0.05)

    async def stop(self, seconds: float) -> None:
        """Terminate it; kill its group if it has not ended within *seconds*."""
        if not self.has_ended:
            self._signal(signal.SIGTERM)
            await asyncio.wait([self._ended], timeout=seconds)
        self.kill()
        await self._ended

    def kill(self) -> None:
        """Kill it and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
