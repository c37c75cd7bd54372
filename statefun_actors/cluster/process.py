"""One process of the cluster: on a leash, in a group of its own, with a log."""

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
"""Characters of a log that an error shows."""


class Child:
    """A process that runs *command*, and writes to *log* (its end, from earlier runs, stays)."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name, self.log = name, log
        self.started = time.monotonic()
        self._process = process
        self._ended = asyncio.ensure_future(process.wait())

    @classmethod
    async def start(
        cls, name: str, command: Sequence[str], log: Path, *, descriptors: Sequence[int] = (), data: bytes = b""
    ) -> Child:
        """Start it. It inherits *descriptors*, and reads *data* from its input."""
        log.parent.mkdir(parents=True, exist_ok=True)
        inherited = [*descriptors, *guard()]
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *leashed(command, os.getpid(), *guard()),
                stdin=asyncio.subprocess.PIPE, stdout=output, stderr=output, pass_fds=inherited,
                start_new_session=True,  # Ctrl-C is for the one that started it
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
        """Done with the exit code once it has ended; negative = the signal that killed it."""
        return self._ended

    @property
    def has_ended(self) -> bool:
        return self._ended.done()

    def tail(self) -> str:
        """The end of its log, or what a JVM's log says last of a cause."""
        with contextlib.suppress(OSError):
            text = self.log.read_text(encoding="utf-8", errors="replace")
            causes = _CAUSE.findall(text)
            return causes[-1] if causes else text[-_TAIL:].strip()
        return ""

    def error(self) -> ProcessEndedError:
        """That it has ended, and why."""
        return ProcessEndedError(self.name, self._ended.result(), str(self.log), self.tail())

    async def said(self, text: str, seconds: float) -> None:
        """Return when its log has a line *text*.

        Raises:
            ProcessEndedError: it ended before.
            ClusterLateError: that took longer than *seconds*.
        """
        until = time.monotonic() + seconds
        while f"\n{text}\n" not in f"\n{self.log.read_text(encoding='utf-8', errors='replace')}":
            if self.has_ended:
                raise self.error()
            if time.monotonic() > until:
                raise ClusterLateError(f"{self.name} to be {text}", seconds, self.tail())
            await asyncio.wait([self._ended], timeout=0.05)

    async def stop(self, seconds: float) -> None:
        """Ask it to end, and kill its group if it has not within *seconds*."""
        if not self.has_ended:
            self._signal(signal.SIGTERM)
            await asyncio.wait([self._ended], timeout=seconds)
        self.kill()
        await self._ended

    def kill(self) -> None:
        """Kill it, and what it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
