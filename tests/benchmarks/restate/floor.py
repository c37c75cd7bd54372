"""As little as a durable answer takes: append the request to a file, fdatasync, answer. ``python floor.py FILE``."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n1"


class Connection(asyncio.Protocol):
    def __init__(self, file: int) -> None:
        self._file = file

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        os.write(self._file, data)
        os.fdatasync(self._file)
        self._transport.write(ANSWER)


async def main(path: Path) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(file), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
