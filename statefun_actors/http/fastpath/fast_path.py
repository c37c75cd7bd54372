"""Fast path for plain HTTP/1.1: parse, dispatch and respond in one callback of the event loop.

The first request that is not plain or does not arrive in time goes to Hypercorn together with the connection, which
stays there. Hypercorn reads that request from its first byte; the fast path has not begun to handle it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from statefun_actors.http.failure_log import failed
from statefun_actors.http.fastpath.parser import DECLINED, INCOMPLETE, Unread, read_head
from statefun_actors.http.fastpath.response_bytes import written
from statefun_actors.http.request import Pending, RefusedError, Request, Response, Route
from statefun_actors.http.router import CANCELLED, Router

LONGEST_BODY: Final = 256 * 1024
"""The maximum size of a body, in bytes; Hypercorn reads larger ones."""
PATIENCE_SECONDS: Final = 1.0
"""The timeout for the rest of a request."""
_MOST_AHEAD: Final = 64 * 1024
"""The maximum of bytes read ahead while a request is in flight."""
_MOST_A_TURN: Final = 64
"""The maximum of responses of a connection in one turn of the event loop."""
_CLOSE: Final = b"connection: close\r\n"


class Watcher(Protocol):
    """Closes idle connections after a timeout."""

    def busy(self) -> None:
        """A request is in flight."""
        ...

    def idle(self) -> None:
        """No request is in flight."""
        ...


class FastPath(asyncio.Protocol):
    """Responds to plain requests at *transport*, by the routes of *router*.

    Args:
        common_headers: returns the header lines of every response.
        watcher: is notified when the connection becomes busy or idle.
    """

    def __init__(
        self, transport: asyncio.Transport, router: Router, common_headers: Callable[[], bytes], watcher: Watcher
    ) -> None:
        self._transport, self._router, self._common_headers = transport, router, common_headers
        self._watcher = watcher
        self._hypercorn = transport.get_protocol()
        self._client = _client(transport)
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        """Unhandled bytes: the beginning of a request, or bytes after the request in flight."""
        self._wanted = 0
        """The size of the buffer at which parsing can continue."""
        self._patience: asyncio.TimerHandle | None = None
        self._reserved = 0
        """Bytes reserved at the router for the incomplete body."""
        self._request: Request | None = None
        """The request in flight, or None."""
        self._pending: Pending | None = None
        """The pending response of the request in flight."""
        self._write_paused = self._read_paused = self._over = False
        self.handed_over: asyncio.Future[bool] = self._loop.create_future()
        """Its result: whether Hypercorn takes over the connection; False if it was closed."""

    def begin(self, data: bytes) -> None:
        """Take over the connection, of which *data* has been read."""
        self._transport.set_protocol(self)
        self.data_received(data)

    # --- called by the transport

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        if self._request is not None or self._write_paused or len(data) < self._wanted:
            self._buffer = data
            if len(data) > max(_MOST_AHEAD, self._wanted):
                self._pause_reading()
            return
        self._buffer = b""
        self._work(data)

    def eof_received(self) -> None:
        self._gone()  # the transport closes by itself

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone()
        if not self.handed_over.done():
            self._over = True
            self._hypercorn.connection_lost(exc)
            self.handed_over.set_result(False)

    def pause_writing(self) -> None:
        self._write_paused = True
        self._pause_reading()

    def resume_writing(self) -> None:
        self._write_paused = False
        if self._request is None:
            self._resume()

    # --- requests

    def _work(self, data: bytes) -> None:
        """Respond to the requests in *data*, up to one that is pending or incomplete."""
        left = _MOST_A_TURN
        while data:
            if not left:  # other connections have their turn
                self._buffer = data
                self._pause_reading()
                self._loop.call_soon(self._next_turn)
                return
            left -= 1
            if self._write_paused or self._over:
                self._buffer = data
                return
            head = read_head(data)
            if head is INCOMPLETE or head is DECLINED:
                self._unread(head, data)
                return
            end = head.size + head.length
            route = self._router.route(head.target.partition(b"?")[0].decode())
            if route is None or head.length > LONGEST_BODY or head.length > self._router.body_limit:
                self.hand_over(data)
                return
            if len(data) < end:
                self._wait_for(end, data)
                return
            if self._wanted or self._patience is not None:
                self._stop_timeout()
            request = Request(head.method, head.target, head.headers, self._client, head.block)
            try:
                route.admit(request)
            except RefusedError:  # Hypercorn refuses it
                self.hand_over(data)
                return
            rest = data[end:]
            if not self._respond(route, request, data[head.size : end]):
                self._buffer = rest
                return
            data = rest
        if not self._over:
            self._watcher.idle()

    def _unread(self, why: Unread, data: bytes) -> None:
        if why is DECLINED:
            self.hand_over(data)
        else:
            assert why is INCOMPLETE
            self._wait_for(0, data)

    def _wait_for(self, wanted: int, data: bytes) -> None:
        self._buffer, self._wanted = data, wanted
        if self._patience is None:
            self._patience = self._loop.call_later(PATIENCE_SECONDS, self.hand_over)
        if wanted and not self._reserved:
            if self._router.reserve(wanted):
                self._reserved = wanted
            else:  # Hypercorn reads it while bytes can be reserved
                self.hand_over()

    def _stop_timeout(self) -> None:
        self._wanted = 0
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
            if self._reserved:
                self._router.release(self._reserved)
                self._reserved = 0

    def _respond(self, route: Route, request: Request, body: bytes) -> bool:
        """Respond to the request; returns whether the response has been written already."""
        try:
            response = route.respond(request, body)
        except Exception as error:  # a bug of this library
            response = failed(error)
        if type(response) is Response:
            self._write(response)
            return True
        self._request, self._pending = request, response
        self._router.in_flight.add(response)
        response.on_done(self._on_response)
        self._watcher.busy()
        return False

    def _on_response(self, response: Response | None) -> None:
        """Write *response* of the request in flight; None = it has no response."""
        pending, self._pending = self._pending, None
        if pending is not None:
            self._router.in_flight.remove(pending)
        if self._request is None or self._over:
            return
        self._request = None
        if response is None:
            if not self._router.stopping:
                self._transport.close()
                return
            response = CANCELLED
        self._write(response)
        if self._buffer or self._read_paused:
            self._resume()
        else:
            self._watcher.idle()

    def _write(self, response: Response) -> None:
        if (on_status := self._router.on_status) is not None:
            on_status(response.status)
        if self._router.stopping:
            self._transport.write(written(response, self._common_headers() + _CLOSE))
            self._over = True
            self._transport.close()
        else:
            self._transport.write(written(response, self._common_headers()))

    def _next_turn(self) -> None:
        if self._request is None and not self._write_paused:
            self._resume()

    def _resume(self) -> None:
        if self._over:
            return
        self._resume_reading()
        data, self._buffer = self._buffer, b""
        self._work(data)

    # --- the end

    def hand_over(self, data: bytes | None = None) -> None:
        """Pass the connection to Hypercorn, with *data* or the buffer as its first bytes."""
        self._stop_timeout()
        if self.handed_over.done() or self._request is not None:
            return
        self._over = True
        transport, hypercorn = self._transport, self._hypercorn
        transport.set_protocol(hypercorn)
        if self._write_paused:
            hypercorn.pause_writing()
        self._resume_reading()
        assert isinstance(hypercorn, asyncio.Protocol)
        if arrived := self._buffer if data is None else data:
            hypercorn.data_received(arrived)
        self._buffer = b""
        self.handed_over.set_result(True)

    def end(self) -> None:
        """The connection is closing: ignore further bytes, which can arrive over TLS."""
        self._over = True

    @property
    def has_begun(self) -> bool:
        """Whether an incomplete request is in the buffer."""
        return bool(self._buffer) and self._request is None and not self._over

    def _gone(self) -> None:
        self._stop_timeout()
        request, self._request = self._request, None
        if request is not None and self._pending is not None:
            request.gone = True
            self._pending.cancel()

    def _pause_reading(self) -> None:
        if not self._read_paused and not self._transport.is_closing():
            self._read_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._read_paused:
            self._read_paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()


def _client(transport: asyncio.Transport) -> tuple[str, int] | None:
    peer = transport.get_extra_info("peername")
    return (peer[0], peer[1]) if isinstance(peer, tuple) else None
