"""Peers over real sockets, and routes that keep what they are asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from statefun_actors.http import (
    OnDone,
    Peer,
    Pending,
    Request,
    Response,
    Router,
    line,
    serve_peers,
)
from statefun_actors.http.peers.frames import Turn, read_turn
from statefun_actors.system import listen_at
from tests.partitions.systems import DEADLINE

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

SENT_AGAIN = line(
    503,
    "partition 1 ended before it answered; the message may or may not be stored: send it again only under the same "
    "Idempotency-Key",
)
BLOCK = b"Host: x\r\nX-A:  b \r\ncontent-length: 0"
REQUEST = Request("PUT", b"/ingress/test/cell/1", [(b"host", b"x"), (b"x-a", b"b")])


class Later:
    """A pending response, given by :meth:`give`."""

    def __init__(self) -> None:
        self.cancelled = 0
        self._callback: OnDone | None = None

    def on_done(self, callback: OnDone) -> None:
        self._callback = callback

    def cancel(self) -> None:
        self.cancelled += 1
        self.give(None)

    def give(self, response: Response | None) -> None:
        assert self._callback is not None
        self._callback(response)


class Seen:
    """A route that keeps what it is asked, and responds with *responses* in turn, the last one again."""

    def __init__(self, *responses: Response | Pending | Exception) -> None:
        self._responses = list(responses)
        self.asked: list[tuple[Request, bytes]] = []

    def admit(self, request: Request) -> None:
        """It admits all requests."""

    def respond(self, request: Request, body: bytes) -> Response | Pending:
        self.asked.append((request, body))
        response = self._responses.pop(0) if len(self._responses) > 1 else self._responses[0]
        if isinstance(response, Exception):
            raise response
        return response


@asynccontextmanager
async def serving(folder: Path, route: Seen) -> AsyncGenerator[tuple[Peer, Router]]:
    """A peer that responds by *route*."""
    router, stop = Router(lambda _: None, 1_000_000, otherwise=route), asyncio.Event()
    there = asyncio.create_task(serve_peers(router, listen_at(folder / "1.requests"), stop=stop.wait))
    async with asyncio.timeout(DEADLINE):
        yield Peer("partition 1", folder / "1.requests"), router
        stop.set()
        await there


@asynccontextmanager
async def peer(folder: Path, handle: Handle) -> AsyncGenerator[Peer]:
    """A peer whose connections are served by *handle*, and then closed."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        except asyncio.IncompleteReadError:
            pass  # the client has closed it
        finally:
            writer.close()

    server = await asyncio.start_unix_server(serve, folder / "1.requests")
    async with asyncio.timeout(DEADLINE):
        yield Peer("partition 1", folder / "1.requests")
    server.close()


async def response_of(pending: Pending) -> Response | None:
    response: asyncio.Future[Response | None] = asyncio.get_running_loop().create_future()
    pending.on_done(response.set_result)
    return await response


async def read_frame(reader: asyncio.StreamReader) -> Turn:
    return read_turn.decode(await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big")))


def written(request: Request) -> tuple[object, ...]:
    return request.method, request.target, request.block, tuple(request.headers), request.client, request.gone
