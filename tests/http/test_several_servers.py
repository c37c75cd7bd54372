"""Several servers in one process, as of several runtimes."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from statefun_actors.http import Listener, Request, Response, Router, line, listen, serve

DEADLINE = 30.0


class Named:
    """A route whose responses have the name of its server."""

    def __init__(self, name: str) -> None:
        self._name = name

    def admit(self, request: Request) -> None:
        """It admits all requests."""

    def respond(self, request: Request, body: bytes) -> Response:
        return line(200, self._name)


@asynccontextmanager
async def served(name: str) -> AsyncGenerator[Listener]:
    """A server of :class:`Named`."""
    route, listener, stop = Named(name), listen("127.0.0.1:0"), asyncio.Event()
    router = Router(lambda _: route, 1_000, otherwise=route)
    serving = asyncio.create_task(serve(router, listener.sockets, stop=stop.wait, own_loop=False))
    try:
        yield listener
    finally:
        stop.set()
        await asyncio.wait_for(serving, DEADLINE)


def names(*listeners: Listener) -> list[str]:
    """What each server responds, to a request for the fast path and to another one."""
    found: list[str] = []
    for listener in listeners:
        host, _, port = listener.name.partition(":")
        for headers in ({}, {"Expect": "100-continue"}):
            connection = http.client.HTTPConnection(host, int(port), timeout=DEADLINE)
            connection.request("PUT", "/x", b"1", headers)
            found.append(connection.getresponse().read().decode().strip())
            connection.close()
    return found


async def test_each_server_responds_by_its_own_routes() -> None:
    async with served("a") as first:
        async with served("b") as second:
            assert await asyncio.to_thread(names, first, second) == ["a", "a", "b", "b"]
        assert await asyncio.to_thread(names, first) == ["a", "a"]
