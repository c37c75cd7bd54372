"""A handler that a test controls: the test sees its start, holds it, and chooses its result."""

from __future__ import annotations

import asyncio
import socket
from types import TracebackType
from typing import Final

ASK_SECONDS: Final = 60.0


class Gate:
    """The test's side. A handler given :attr:`port` stops at :func:`asked` until the test has answered."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(ASK_SECONDS)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._listener.close()

    def visitor(self) -> Visitor:
        """The next handler that asks."""
        connection, _ = self._listener.accept()
        return Visitor(connection)


class Visitor:
    """A handler that waits for its answer."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def answer(self, what: str) -> None:
        with self._connection:
            self._connection.sendall(what.encode())


async def asked(port: int) -> str:
    """The handler's side: the instructions of the test."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return (await reader.read()).decode()
    finally:
        writer.close()
