"""``statefun-actors run`` as a process that a test kills and starts again, and a client that repeats its requests."""

from __future__ import annotations

import http.client
import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.cli.commands import Process, process_of

DEADLINE: Final = 120.0
_AGAIN: Final = {429, 503}


class Killable:
    """An engine that runs *app* on ``store.db`` in *folder*, on one port over all its lives.

    Args:
        options: further options of ``run``.
        env: variables in addition to those of this process.
    """

    def __init__(self, folder: Path, app: Path, *options: str, env: Mapping[str, str] | None = None) -> None:
        self.folder, self.store = folder, folder / "store.db"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._command = ["run", str(app), "--bind", f"127.0.0.1:{self.port}", "--store", str(self.store), *options]
        self._env = {**os.environ, **(env or {})}
        self._process: Process | None = None

    def __enter__(self) -> Killable:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(AssertionError):
            self.kill()

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = process_of(
                *self._command, folder=Path.cwd(), environment=self._env, is_strict=False, into=log
            )

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Ask it to stop, once it serves; its exit code. Before that it would be ended as any process is."""
        assert self._process is not None
        wait_for(self._serves)
        self._process.terminate()
        return self._process.wait(DEADLINE)

    def post(self, path: str, body: object, key: str) -> int:
        """The status of the response; the request is repeated under one idempotency key until there is one."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            with suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                try:
                    connection.request("POST", path, json.dumps(body), headers)
                    status = connection.getresponse().status
                finally:
                    connection.close()
                if status not in _AGAIN:
                    return status
            time.sleep(0.02)  # between two attempts of a client
        raise AssertionError(f"no answer to {path}")

    def _serves(self) -> bool:
        """Whether it answers. A connection alone shows nothing: the kernel takes it before the process is ready."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def wait_for(condition: Callable[[], bool], *, pause: float = 0.02) -> None:
    """Return once *condition* holds, which is looked at after each *pause*, in seconds."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "the deadline is over"
        time.sleep(pause)
