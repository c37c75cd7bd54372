"""A real server in a process of its own, and real connections to it."""

from __future__ import annotations

import http.client
import re
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs

from statefun_actors.address import Address
from statefun_actors.model import TypedValue
from statefun_actors.types import pack
from statefun_actors.wire import v2_pb2, v3_pb2

DEADLINE = 30.0
OCTETS = "application/octet-stream"


@attrs.define
class Server:
    """A running ``statefun-actors serve``."""

    process: subprocess.Popen[str]
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
def serving(app: Path, *options: str, env: dict[str, str] | None = None) -> Generator[Server]:
    """``serve`` on a free port."""
    command: Sequence[str] = [
        sys.executable,
        "-m",
        "statefun_actors",
        "serve",
        str(app),
        "--bind",
        "127.0.0.1:0",
        *options,
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=app.parent, env=env
    )
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
    return _request_3(address, messages, state or {}, caller) if protocol == 3 else _request_2(
        address, messages, state or {}, caller
    )  # fmt: skip


def _request_3(
    address: Address, messages: Sequence[object], state: dict[str, TypedValue | None], caller: Address | None
) -> bytes:
    to_function = v3_pb2.ToFunction()
    batch = to_function.invocation
    batch.target.namespace, batch.target.type, batch.target.id = address.namespace, address.name, address.id
    for name, held in state.items():
        entry = batch.state.add(state_name=name)
        entry.state_value.has_value = held is not None
        if held is not None:
            entry.state_value.typename, entry.state_value.value = held.typename, held.value
    for message in messages:
        typed = pack(message)
        invocation = batch.invocations.add()
        if caller is not None:
            invocation.caller.namespace, invocation.caller.type = caller.namespace, caller.name
            invocation.caller.id = caller.id
        invocation.argument.typename, invocation.argument.value = typed.typename, typed.value
        invocation.argument.has_value = True
    return to_function.SerializeToString()


def _request_2(
    address: Address, messages: Sequence[object], state: dict[str, TypedValue | None], caller: Address | None
) -> bytes:
    to_function = v2_pb2.ToFunction()
    batch = to_function.invocation
    batch.target.namespace, batch.target.type, batch.target.id = address.namespace, address.name, address.id
    for name, held in state.items():
        value = b""
        if held is not None:
            argument = v2_pb2.ToFunction().invocation.invocations.add().argument
            argument.type_url, argument.value = held.typename, held.value
            value = argument.SerializeToString()
        batch.state.add(state_name=name, state_value=value)
    for message in messages:
        typed = pack(message)
        invocation = batch.invocations.add()
        if caller is not None:
            invocation.caller.namespace, invocation.caller.type = caller.namespace, caller.name
            invocation.caller.id = caller.id
        invocation.argument.type_url, invocation.argument.value = typed.typename, typed.value
    return to_function.SerializeToString()
