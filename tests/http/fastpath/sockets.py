"""A server in the test's event loop, and connections whose bytes are sent as they are."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from statefun_actors import Address, Context, StatefulFunctions, create_app
from statefun_actors.dispatch import Application
from statefun_actors.http import Guard, Router, create_ingress_app, listen, serve
from tests.engine.engines import running
from tests.http.serving import DEADLINE, request

ADDRESS = Address("test/fn", "a")


class Functions:
    """A plain one, and one that waits to be let go."""

    def __init__(self) -> None:
        self.served = StatefulFunctions()
        self.entered, self.go = asyncio.Event(), asyncio.Event()
        self.calls = 0
        self.cancelled = False

        @self.served.bind("test/fn")
        def plain(context: Context, message: int) -> None:
            self.calls += 1
            if message < 0:
                raise ValueError("negative")
            context.pack_and_reply(message + 1)

        @self.served.bind("test/waits")
        async def waits(context: Context, message: int) -> None:
            self.calls += 1
            self.entered.set()
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.cancelled = True
                raise
            context.pack_and_reply(message)


class Client:
    """A connection whose bytes are sent as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> bytes:
        """One whole response, without its date."""
        async with asyncio.timeout(DEADLINE):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            body = await self.reader.readexactly(int(length[1])) if length else b""
            if b"transfer-encoding: chunked" in head:
                body = await self.reader.readuntil(b"0\r\n\r\n")
        return re.sub(rb"date: [^\r]*\r\n", b"", head) + body

    async def closed(self) -> bool:
        async with asyncio.timeout(DEADLINE):
            return await self.reader.read() == b""

    def close(self) -> None:
        self.writer.close()


class Served:
    """A server in this event loop."""

    def __init__(self, router: Router, address: tuple[str, int]) -> None:
        self.router, self._address = router, address
        self.stop = asyncio.Event()
        self.clients: list[Client] = []

    async def client(self, *, hypercorn: bool = False) -> Client:
        """A connection; with *hypercorn* it has sent another request first, and so left the fast path."""
        found = Client(*await asyncio.open_connection(*self._address))
        self.clients.append(found)
        if hypercorn:
            found.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b" 200 " in await found.answer()
        return found


@asynccontextmanager
async def serving(*served: object, ingress: bool = False) -> AsyncGenerator[Served]:
    """The endpoint for *served*, or the ingress to it."""
    listener = listen("127.0.0.1:0")
    async with running(*served) as engine:
        application = Application(*served)
        app = create_ingress_app(application, engine, Guard()) if ingress else create_app(application)
        router = app if isinstance(app, Router) else app.asgi_app
        assert isinstance(router, Router)
        found = Served(router, listener.sockets[0].getsockname())
        task = asyncio.create_task(serve(app, listener.sockets, stop=found.stop.wait))
        try:
            yield found
        finally:
            for client in found.clients:
                client.close()
            found.stop.set()
            await asyncio.wait_for(task, DEADLINE)


def post(body: bytes, path: bytes = b"/statefun", *lines: bytes, method: bytes = b"POST") -> bytes:
    start = b"%b %b HTTP/1.1" % (method, path)
    return b"\r\n".join([start, b"Host: localhost", b"Content-Length: %d" % len(body), *lines, b"", b""]) + body


async def turns(count: int = 5) -> None:
    """This number of iterations of the event loop, each of which reads the available bytes."""
    for _ in range(count):
        await asyncio.sleep(0)


PLAIN = request(ADDRESS, 1, caller=Address("x/y", "z"))
WAITS = request(Address("test/waits", "a"), 1, caller=Address("x/y", "z"))
