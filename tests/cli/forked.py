"""A command in a process that was forked: what tests use of ``subprocess.Popen``."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, Self, TextIO


class Forked:
    """A process that is not a child of this one.

    Args:
        args: its arguments, for errors.
        status: a pipe with a line of its process id, and another one with its exit code once it has ended.
        stdout: the reading end of its output.
        stderr: the same for its errors, None where they go into its output or elsewhere.
    """

    def __init__(self, args: Sequence[str], status: int, stdout: int | None, stderr: int | None) -> None:
        self.args: Final = list(args)
        self.stdout: Final = _opened(stdout)
        self.stderr: Final = _opened(stderr)
        self.returncode: int | None = None
        """The exit code, -N of the signal N, or None while it runs; as of the last look."""
        self._status = status
        self._reported = b""
        self._said: list[_Reader] | None = None
        while self._reported.count(b"\n") < 1:
            self._read()
        self.pid: Final = int(self._reported.split(b"\n")[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        return self._ended_within(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code.

        Raises:
            subprocess.TimeoutExpired: it has not ended within *timeout* seconds.
        """
        code = self._ended_within(timeout)
        if code is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """The rest of its output and of its errors, once it has ended; both may be asked for again.

        Raises:
            subprocess.TimeoutExpired: it has not ended within *timeout* seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        if self._said is None:
            self._said = [_Reader(stream) for stream in (self.stdout, self.stderr)]
        for reader in self._said:
            reader.join(None if end is None else max(0.0, end - time.monotonic()))
            if reader.is_alive():
                assert timeout is not None
                raise subprocess.TimeoutExpired(self.args, timeout)
        self.wait(None if end is None else max(0.0, end - time.monotonic()))
        out, err = (reader.said for reader in self._said)
        return out, err

    def close(self) -> None:
        """Kill it, if it still runs, and close its streams."""
        self.kill()
        self.wait()
        for stream in (self.stdout, self.stderr):
            if stream is not None:
                stream.close()

    def _ended_within(self, seconds: float | None) -> int | None:
        if self.returncode is None:
            end = None if seconds is None else time.monotonic() + seconds
            while self._reported.count(b"\n") < 2:
                if not select.select([self._status], [], [], None if end is None else max(0.0, end - time.monotonic()))[
                    0
                ]:
                    return None
                self._read()
            os.close(self._status)
            self.returncode = int(self._reported.split(b"\n")[1])
        return self.returncode

    def _read(self) -> None:
        part = os.read(self._status, 100)
        assert part, "the process that forks has ended"
        self._reported += part


class _Reader(threading.Thread):
    """Reads the rest of *stream* and closes it."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__(daemon=True)
        self.said = ""
        self._stream = stream
        self.start()

    def run(self) -> None:
        if self._stream is not None and not self._stream.closed:
            with self._stream:
                self.said = self._stream.read()


def _opened(reading: int | None) -> TextIO | None:
    return None if reading is None else os.fdopen(reading, encoding="utf-8")
