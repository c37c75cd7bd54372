"""A real server in a process of its own, and real connections to it."""

from __future__ import annotations

import http.client
import re
import signal
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import attrs

from statefun_actors.address import Address
from statefun_actors.model import Batch, Invocation, TypedValue
from statefun_actors.testing.wires import request_2x, request_3x
from statefun_actors.types import pack
from tests.cli.commands import Process, process_of

DEADLINE = 30.0
OCTETS = "application/octet-stream"


@attrs.define
class Server:
    """A running ``statefun-actors serve``."""

    process: Process
    host: str
    port: int
    shown: list[str]
    reader: threading.Thread
    """Reads what the server writes, so that it never has to wait for that."""

    def connection(self, context: ssl.SSLContext | None = None) -> http.client.HTTPConnection:
        if context is not None:
            return http.client.HTTPSConnection(self.host, self.port, timeout=DEADLINE, context=context)
        return http.client.HTTPConnection(self.host, self.port, timeout=DEADLINE)

    def post(self, body: bytes, path: str = "/statefun") -> tuple[int, bytes]:
        connection = self.connection()
        try:
            connection.request("POST", path, body, {"Content-Type": OCTETS})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def stop(self) -> tuple[int, str]:
        """Send SIGTERM and wait; return the exit code and the output."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(DEADLINE)
        self.reader.join(DEADLINE)
        return code, "".join(self.shown)


@contextmanager
def serving(app: Path, *options: str, env: dict[str, str] | None = None, is_forked: bool = True) -> Generator[Server]:
    """``serve`` on a free port. *is_forked*: as for :func:`process_of`."""
    arguments = ("serve", str(app), "--bind", "127.0.0.1:0", *options)
    process = process_of(*arguments, folder=app.parent, environment=env, is_strict=False, is_forked=is_forked)
    shown: list[str] = []
    lines = process.stdout
    assert lines is not None
    reader = threading.Thread(target=lambda: shown.extend(lines), daemon=True)
    try:
        found = None
        while found is None:
            line = lines.readline()
            assert line, f"serve ended with {process.wait()}:\n{''.join(shown)}"
            shown.append(line)
            found = re.search(r"https?://([\d.]+):(\d+)/statefun", line)
        reader.start()
        yield Server(process, found[1], int(found[2]), shown, reader)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(DEADLINE)
        if reader.ident is not None:
            reader.join(DEADLINE)
        lines.close()


def request(
    address: Address,
    *messages: object,
    state: dict[str, TypedValue | None] | None = None,
    caller: Address | None = None,
    protocol: int = 3,
) -> bytes:
    """The body that Flink sends."""
    batch = Batch(address, state or {}, [Invocation(pack(message), caller) for message in messages])
    return request_3x(batch) if protocol == 3 else request_2x(batch)
