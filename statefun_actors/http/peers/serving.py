"""``serve_peers``: responds to requests that other processes of the same system have admitted and forwarded."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from socket import socket
from typing import Final

from statefun_actors.http.failure_log import failed
from statefun_actors.http.fastpath import headers_of
from statefun_actors.http.peers.frames import FULL, Answer, Asked, FrameConnection, frame, read_turn
from statefun_actors.http.request import Pending, RefusedError, Request, Response
from statefun_actors.http.router import CANCELLED, Router
from statefun_actors.http.server import drain
from statefun_actors.system import ACCEPTED_AT_ONCE

_END_SECONDS: Final = 1.0
"""The timeout for the last responses of a stop."""


async def serve_peers(router: Router, sock: socket, *, stop: Callable[[], Awaitable[object]]) -> None:
    """Respond by the routes of *router* at *sock* until ``stop()`` returns; then end as :func:`serve` does.

    *sock* listens already, and is closed at the end.
    """
    opened: set[_FromPeer] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(lambda: _FromPeer(router, opened), sock=sock, backlog=ACCEPTED_AT_ONCE)
    try:
        await stop()
        await drain(router)
    finally:
        server.close()
        ends = [connection.end() for connection in opened]
        if ends:
            await asyncio.wait(ends, timeout=_END_SECONDS)
        for connection in list(opened):
            connection.abort()


class _FromPeer(FrameConnection):
    """A connection by which another process forwards requests."""

    def __init__(self, router: Router, opened: set[_FromPeer]) -> None:
        super().__init__()
        self._router, self._opened = router, opened
        self._loop = asyncio.get_running_loop()
        self._pending: dict[int, tuple[Request, Pending]] = {}
        """Requests without a response, by number."""
        self._answers: list[Answer] = []
        """Responses that are sent at the end of this turn."""
        self._size = 0
        self._ended: asyncio.Future[None] | None = None

    def end(self) -> asyncio.Future[None]:
        """Close the connection once all its requests are answered; the result says when it is closed."""
        self._ended = self._loop.create_future()
        self._close_if_idle()
        return self._ended

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._opened.discard(self)
        for request, pending in list(self._pending.values()):
            request.gone = True
            pending.cancel()
        if self._ended is not None:
            self._ended.set_result(None)

    def read(self, body: memoryview) -> None:
        turn = read_turn.decode(body)
        for asked in turn.asked:
            self._respond(asked)
        for number in turn.cancelled:
            if (found := self._pending.get(number)) is not None:
                request, pending = found
                request.gone = True
                pending.cancel()

    def _respond(self, asked: Asked) -> None:
        headers = headers_of(asked.block) if asked.block else asked.headers
        request = Request(asked.method, asked.target, headers, None, asked.block)
        route = self._router.route_of(asked.target)
        assert route is not None, "the ingress has no web framework"
        response: Response | Pending
        try:
            route.admit(request)
            response = route.respond(request, asked.body)
        except RefusedError as refused:
            response = refused.response
        except Exception as error:  # a bug of this library
            response = failed(error)
        if isinstance(response, Response):
            self._answer(asked.number, response)
            return
        self._pending[asked.number] = request, response
        self._router.in_flight.add(response)
        response.on_done(functools.partial(self._on_response, asked.number))

    def _on_response(self, number: int, response: Response | None) -> None:
        request, pending = self._pending.pop(number)
        self._router.in_flight.remove(pending)
        if not request.gone:
            self._answer(number, CANCELLED if response is None and self._router.stopping else response)
        self._close_if_idle()

    def _answer(self, number: int, response: Response | None) -> None:
        if not self._answers:
            self._loop.call_soon(self._send)
        self._answers.append((number, response))
        self._size += 0 if response is None else len(response.body)
        if self._size >= FULL:
            self._send()

    def _send(self) -> None:
        answers, self._answers, self._size = self._answers, [], 0
        if answers and self.transport is not None:
            self.transport.write(frame(answers))

    def _close_if_idle(self) -> None:
        if self._ended is not None and not self._pending:
            self._send()
            if self.transport is not None:
                self.transport.close()
