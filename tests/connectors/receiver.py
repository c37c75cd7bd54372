"""A receiver of records: a real HTTP server whose answers a test decides, and which can break off and come back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import attrs


@attrs.frozen
class Post:
    """A request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["idempotency-key"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answering = Callable[[Post], Awaitable["bytes | None"]]
"""The whole response to a request; None = the connection is broken off instead."""


def answer(status: int, body: str = "", **headers: str) -> bytes:
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{named}\r\n{body}".encode()


class Receiver:
    """Listens on loopback from ``start`` to ``stop``; when started again, on the same port."""

    def __init__(self, answering: Answering | None = None) -> None:
        self.posts: list[Post] = []
        self.accepted: list[Post] = []
        """Those that were answered with 200."""
        self.port = 0
        self.answering: Answering = answering if answering is not None else self._accept
        self.under_way = self.most_under_way = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @staticmethod
    async def _accept(post: Post) -> bytes:
        return answer(200)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/records?x=1"

    @property
    def shown_url(self) -> str:
        """As people see it."""
        return f"http://127.0.0.1:{self.port}/records?…"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections, and break off those that there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    await self._one(reader, writer)
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *fields = head.rstrip().split("\r\n")
        headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
        post = Post(line.split(" ")[1], headers, await reader.readexactly(int(headers["content-length"])))
        self.posts.append(post)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            response = await self.answering(post)
        finally:
            self.under_way -= 1
        if response is None:
            raise ConnectionAbortedError
        if b" 200 " in response[:16]:
            self.accepted.append(post)
        writer.write(response)
        await writer.drain()
