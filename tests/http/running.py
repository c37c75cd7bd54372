"""A real ``statefun-actors run`` in a process of its own, and requests to its ingress."""

from __future__ import annotations

import http.client
import json
import re
import signal
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import attrs

from tests.cli.commands import DEADLINE, Process, started

JSON = "application/json"


class Answer(NamedTuple):
    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == JSON
        return json.loads(self.text)


@attrs.define
class Running:
    """A run that serves."""

    process: Process
    host: str
    port: int
    shown: str

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=DEADLINE)

    def send(
        self, path: str, body: object = b"", content_type: str | None = JSON, method: str = "PUT", **headers: str
    ) -> Answer:
        """One request on a connection of its own; a *body* that is no bytes goes as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if content_type is not None:
            named["Content-Type"] = content_type
        connection = self.connection()
        try:
            connection.request(method, path, data, named)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, response.read().decode(), found)
        finally:
            connection.close()

    def stop(self) -> int:
        """SIGTERM, and wait for the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)


@contextmanager
def running(folder: Path, *options: str) -> Generator[Running]:
    """``run app.py`` in *folder*, on a free port."""
    with started("run", "app.py", "--bind", "127.0.0.1:0", *options, folder=folder) as process:
        assert process.stderr is not None
        shown = ""
        while (found := re.search(r"taken at http://([\d.]+):(\d+)/ingress", shown)) is None:
            line = process.stderr.readline()
            assert line, f"run ended with {process.wait()}:\n{shown}"
            shown += line
        yield Running(process, found[1], int(found[2]), shown)
