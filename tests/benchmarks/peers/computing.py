"""The least server that computes for a time and answers: ``python -m tests.benchmarks.peers.computing MICROSECONDS``.

How late its answers are is what the machine, the event loop and the generator of the load do to any server of that
speed.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Final

_ANSWER: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Computing(asyncio.Protocol):
    """Answers each piece of data that arrives, which is a request, after *seconds* of computing."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        until = time.perf_counter() + self._seconds
        while time.perf_counter() < until:
            pass
        self._transport.write(_ANSWER)


async def serve(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Computing(seconds), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    print(f"http://{host}:{port}/", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]) * 1e-6))
