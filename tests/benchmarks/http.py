"""Requests a second over HTTP, next to aiohttp with Apache's SDK: ``python -m tests.benchmarks.http``.

``statefun-actors serve`` on Hypercorn, one process, with the class of ``tests.benchmarks.peers``; batches of 1 over 16
and 64 connections that are kept open, and batches of 100 over 16. The same client asks all servers: raw sockets, each
of which sends the next request when it has the reply to the last one. So no reply is held back (``--linger 0``): no
messages wait for a larger batch. They take turns, and medians are compared.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import subprocess
import sys
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from statefun_actors.wire import v3_pb2
from tests.benchmarks.figures import Figure, needed, parser_of, report
from tests.benchmarks.handler import requests
from tests.benchmarks.official_sdk import python_with_sdk

ROOT = Path(__file__).parents[2]
LOADS: Final = ((1, 16), (1, 64), (100, 16))
"""The size of a batch, and the number of connections."""
OURS: Final = "serve (Hypercorn)"
PEER: Final = "aiohttp + SDK-upb"
AIM: Final = 2.5
"""Times as many requests a second as aiohttp with the SDK on upb."""


def cpu_seconds(pid: int, *, ended_too: bool = False) -> float:
    """The processor time of a process so far; with *ended_too* also that of its children that have ended.

    0 where the system has no /proc, and for a process that has ended.
    """
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    spent = stat.read_text(encoding="utf-8").rpartition(")")[2].split()[11 : 15 if ended_too else 13]
    return sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")


class Server:
    """A process whose first line of output is its address."""

    def __init__(self, *command: str | Path) -> None:
        self._process = subprocess.Popen(
            [str(part) for part in command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(r"http://([\d.]+):(\d+)/statefun", line)
        assert found is not None, line
        self.host, self.port = found[1], int(found[2])

    def cpu_seconds(self) -> float:
        """The processor time of the process so far; 0 where the system has no /proc."""
        return cpu_seconds(self._process.pid)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


class Client(asyncio.Protocol):
    """One connection: sends a request, and when all of the reply is there the next one."""

    def __init__(self, request: bytes, until: float) -> None:
        self._request, self._until = request, until
        self._got = bytearray()
        self.answered = 0
        self.reply = b""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        head = self._got.find(b"\r\n\r\n")
        if head < 0:
            return
        length = re.search(rb"(?i)content-length: *(\d+)", self._got[:head])
        assert length is not None, bytes(self._got)
        end = head + 4 + int(length[1])
        if len(self._got) < end:
            return
        assert self._got.startswith(b"HTTP/1.1 200"), bytes(self._got)
        self.reply = bytes(self._got[head + 4 : end])
        self._got.clear()
        self.answered += 1
        if time.perf_counter() < self._until:
            self._transport.write(self._request)
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def rate(server: Server, seconds: float, size: int, connections: int) -> tuple[float, float, bytes]:
    """Requests of batches of *size* a second, µs of the server's processor for each, and a reply."""
    cpu_before = server.cpu_seconds()
    loop = asyncio.get_running_loop()
    bodies = list(islice(cycle(requests(size)), connections))
    before = time.perf_counter()
    clients = []
    for body in bodies:
        head = (
            f"POST /statefun HTTP/1.1\r\nhost: {server.host}:{server.port}\r\naccept: */*\r\n"
            f"content-type: application/octet-stream\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        request = head.encode() + body
        _, client = await loop.create_connection(
            lambda request=request: Client(request, before + seconds),
            server.host,
            server.port,
        )
        clients.append(client)
    await asyncio.gather(*(client.ended for client in clients))
    assert all(client.answered for client in clients)
    answered, taken = sum(client.answered for client in clients), time.perf_counter() - before
    return answered / taken, (server.cpu_seconds() - cpu_before) / answered * 1e6, clients[0].reply


def main() -> None:
    options = parser_of(__doc__)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    chosen = options.parse_args()
    python = needed("serve: requests/s", chosen, lambda: python_with_sdk("SDK-upb"))
    ours = (
        sys.executable,
        "-m",
        "statefun_actors",
        "serve",
        "tests.benchmarks.peers.ours:Account",
        "--linger",
        "0",
        "--bind",
    )
    servers = {OURS: Server(*ours, "127.0.0.1:0"), PEER: Server(python, "-m", "tests.benchmarks.peers.sdk", "aiohttp")}
    taken: dict[tuple[str, int, int], list[tuple[float, float]]] = {
        (name, *load): [] for load in LOADS for name in servers
    }
    try:
        for size, connections in LOADS:
            replies = [asyncio.run(rate(server, 0.3, size, connections))[2] for server in servers.values()]
            read = [v3_pb2.FromFunction.FromString(reply) for reply in replies]
            assert all(reply == read[0] for reply in read), "the servers do not agree"
        for _ in range(chosen.rounds):
            for (name, size, connections), values in taken.items():
                found = asyncio.run(rate(servers[name], chosen.seconds, size, connections))
                values.append(found[:2])
    finally:
        for server in servers.values():
            server.close()
    for (name, size, connections), values in taken.items():
        each, cpu = (statistics.median(column) for column in zip(*values, strict=True))
        print(
            f"{name:22} batches of {size:3}, {connections} connections: {each:10,.0f} requests/s"
            f"{cpu:10.0f} µs of a processor for each"
        )
    rates = {key: [each for each, _ in values] for key, values in taken.items()}
    report(
        (
            Figure(
                name=f"serve, batches of {size}, {connections} connections: requests/s",
                ours=rates[OURS, size, connections],
                peer=PEER,
                theirs=rates[PEER, size, connections],
                aim=AIM,
            )
            for size, connections in LOADS
        ),
        chosen,
    )


if __name__ == "__main__":
    main()
