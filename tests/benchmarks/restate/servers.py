"""The servers that are compared, each in a folder of its own: started, measured, and asked in their own words."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, Protocol

from tests.benchmarks.restate.installed import Restate
from tests.benchmarks.restate.load import request

ROOT: Final = Path(__file__).parents[3]
HERE: Final = Path(__file__).parent
CORES: Final = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else frozenset[int]()
"""What servers run on."""
_GRACE: Final = 5.0
"""Seconds for a server to end by itself. Restate's SDK under uvicorn waits for connections that Restate has left."""
_PATIENCE: Final = 60.0


class Process:
    """A process of a server, and the resources that it has used."""

    def __init__(self, *command: str | Path, cwd: Path = ROOT, **environment: str) -> None:
        cwd.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self._process.pid, CORES)  # whoever measures may have pinned itself

    @property
    def pid(self) -> int:
        return self._process.pid

    def line_with(self, pattern: str) -> re.Match[str]:
        """The first line that it prints in which *pattern* is found."""
        assert self._process.stdout is not None
        shown = []
        for line in self._process.stdout:
            shown.append(line)
            if (found := re.search(pattern, line)) is not None:
                return found  # what comes after that is not much: warnings that there should not be, shown by close()
        raise AssertionError(f"it ended with {self._process.wait()}:\n{''.join(shown)}")

    def memory(self) -> int:
        """Bytes of memory; shared memory counts in part."""
        return 1024 * self._figure("smaps_rollup", r"^Pss: +(\d+)")

    def written(self) -> int:
        """Bytes that it has had written to disk."""
        return self._figure("io", r"^write_bytes: (\d+)")

    def cpu_seconds(self) -> float:
        """The processor time that it has used, in seconds."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        self._process.terminate()
        try:
            shown, _ = self._process.communicate(timeout=_GRACE)
            if "WARNING" in shown or "ERROR" in shown:
                print(shown, file=sys.stderr)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def _figure(self, file: str, pattern: str) -> int:
        text = Path(f"/proc/{self._process.pid}/{file}").read_text(encoding="utf-8")
        found = re.search(pattern, text, re.MULTILINE)
        return int(found[1]) if found is not None else 0


class Server(Protocol):
    """One of those that are compared."""

    name: str
    host: str
    port: int
    processes: list[Process]

    def add(self, key: str, n: int, *, answer: bool) -> bytes:
        """The request that adds *n* to the counter *key*; with *answer* for its total, else for a promise only."""
        ...

    def forward(self, key: str, n: int) -> bytes:
        """The request that has a relay send the same."""
        ...


class Ours:
    """``statefun-actors run``. *form*: how numbers travel, ``json``, ``binary`` or ``protobuf as JSON``."""

    def __init__(self, folder: Path, form: str = "json") -> None:
        self.name, self.form = f"statefun-actors, {form}", form
        command = (sys.executable, "-m", "statefun_actors", "run", HERE / "ours.py", "--store", folder / "ours.db")
        path = f"{ROOT / 'examples' / 'bank'}{os.pathsep}{ROOT}"
        process = Process(*command, "--bind", "127.0.0.1:0", PYTHONPATH=path)
        found = process.line_with(r"taken at http://([\d.]+):(\d+)/ingress")
        self.host, self.port = found[1], int(found[2])
        self.processes = [process]

    def add(self, key: str, n: int, *, answer: bool) -> bytes:
        return self._to("counter", key, n, "wait=30s" if answer else "")

    def forward(self, key: str, n: int) -> bytes:
        return self._to("relay", key, n, "")

    def _to(self, name: str, key: str, n: int, query: str) -> bytes:
        match self.form:
            case "json":
                typename, body, content_type = "bench/add", json.dumps({"n": n}).encode(), "application/json"
            case "binary":
                from statefun_actors.types import pack

                typename, body, content_type = "io.statefun.types/long", pack(n).value, "application/octet-stream"
            case _:
                typename, body = "type.googleapis.com/bank.Deposit", json.dumps({"cents": str(n)}).encode()
                content_type = "application/json"
        asked = "&".join(filter(None, (f"type={typename}" if name == "counter" else "", query)))
        return request(self.host, self.port, f"/ingress/bench/{name}/{key}?{asked}".rstrip("?"), body, content_type)


class RestateServer:
    """Restate's server, 4 partitions, and its SDK under uvicorn: two processes."""

    name = "Restate"

    def __init__(self, installed: Restate, folder: Path) -> None:
        self.host = "127.0.0.1"
        self.port, admin, node, sdk = _free_ports(4)
        server = Process(
            *(installed.server, "--base-dir", folder / "data", "--bind-ip", self.host, "--listen-mode", "tcp"),
            *("--node-name", "benchmark", "--no-logo"),
            cwd=folder,
            RESTATE_DISABLE_TELEMETRY="true",
            RESTATE_DEFAULT_NUM_PARTITIONS="4",
            RESTATE_BIND_PORT=str(node),
            RESTATE_ADMIN__BIND_PORT=str(admin),
            RESTATE_INGRESS__BIND_PORT=str(self.port),
            RESTATE_LOG_FILTER="error",
        )
        command = (installed.python, "-m", "uvicorn", "restate_app:app", "--port", str(sdk), "--log-level", "error")
        self.processes = [server, Process(*command, cwd=HERE)]
        registration = json.dumps({"uri": f"http://{self.host}:{sdk}", "use_http_11": True, "force": True})
        _until_answered(self.host, admin, "POST", "/deployments", registration)

    def add(self, key: str, n: int, *, answer: bool) -> bytes:
        return self._to(f"/Counter/{key}/add{'' if answer else '/send'}", n)

    def forward(self, key: str, n: int) -> bytes:
        return self._to(f"/Relay/{key}/forward/send", n)

    def _to(self, path: str, n: int) -> bytes:
        return request(self.host, self.port, path, str(n).encode(), "application/json")


class Floor:
    """Append, fdatasync, answer."""

    name = "append, fdatasync, answer"

    def __init__(self, folder: Path) -> None:
        process = Process(sys.executable, HERE / "floor.py", folder / "floor")
        found = process.line_with(r"http://([\d.]+):(\d+)")
        self.host, self.port = found[1], int(found[2])
        self.processes = [process]

    def add(self, key: str, n: int, *, answer: bool) -> bytes:
        return request(self.host, self.port, f"/{key}", json.dumps({"n": n}).encode(), "application/json")

    def forward(self, key: str, n: int) -> bytes:
        return self.add(key, n, answer=False)


def first_answer(server: Server) -> None:
    """Return once *server* has added to a counter."""
    raw = server.add("first", 0, answer=True)
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        try:
            with socket.create_connection((server.host, server.port), timeout=_PATIENCE) as connection:
                connection.sendall(raw)
                if connection.recv(65_536)[9:10] == b"2":
                    return
        except OSError:
            pass
        time.sleep(0.002)
    raise AssertionError(f"{server.name} does not answer")


def _until_answered(host: str, port: int, method: str, path: str, body: str) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        connection = http.client.HTTPConnection(host, port, timeout=_PATIENCE)
        try:
            connection.request(method, path, body, {"content-type": "application/json"})
            if connection.getresponse().status < 300:
                return
        except OSError:
            pass
        finally:
            connection.close()
        assert time.monotonic() < end, f"{path} is not answered"
        time.sleep(0.002)


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports
