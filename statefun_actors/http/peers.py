"""``Peer``: another process of the same system, to which requests are forwarded over its Unix socket.

The server there is of this package, so the client needs to know only its responses: HTTP/1.1 with a length.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs

from statefun_actors.http.request import OnDone, Request, Response, line

_MOST_IDLE: Final = 64
"""Open connections that are kept without a request."""
_HOP: Final = frozenset(
    {
        b"connection", b"content-length", b"expect", b"keep-alive", b"proxy-connection", b"te", b"trailer",
        b"transfer-encoding", b"upgrade",
    }
)  # fmt: skip
"""Headers of one connection, which are not forwarded."""
_OWN: Final = _HOP | {b"content-type", b"date", b"server"}
"""Headers of a response that the server writes by itself."""
_RETRY: Final = (b"retry-after", b"1")


@attrs.frozen
class Failures:
    """The texts of the responses for a peer that gives none.

    Args:
        unreachable: no connection to ``{name}``, for the ``{reason}``.
        ended: ``{name}`` ended after the request was sent.
    """

    unreachable: str
    ended: str


_OF_MESSAGES: Final = Failures(
    "not taken, send it again: {name} can't be reached: {reason}",
    "{name} ended before it answered; the message may or may not be stored: send it again only under the same "
    "Idempotency-Key",
)

OnResponse = Callable[[Response | None], None]


class Peer:
    """The process of *name* at the Unix socket *path*."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path
        self._idle: list[_Connection] = []
        self._connecting: set[asyncio.Task[None]] = set()

    def forward(self, request: Request, body: bytes, failures: Failures = _OF_MESSAGES) -> PendingForward:
        """Forward *request*, with all its headers; the response is the peer's, as it is, or 503 by *failures*."""
        head = [b"%b %b HTTP/1.1\r\n" % (request.method.encode(), request.target)]
        head += [b"%b: %b\r\n" % (name, value) for name, value in request.headers if name not in _HOP]
        data = b"%bcontent-length: %d\r\n\r\n%b" % (b"".join(head), len(body), body)
        pending = PendingForward(self, failures)
        if self._idle:
            pending.begin(self._idle.pop(), data)
        else:
            task = asyncio.get_running_loop().create_task(self._connect(pending, data))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
        return pending

    async def _connect(self, pending: PendingForward, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_unix_connection(lambda: _Connection(self), str(self.path))
        except OSError as error:
            pending.unreachable(error.strerror or str(error))
        else:
            pending.begin(connection, data)

    def keep(self, connection: _Connection) -> None:
        """*connection* has no request any more."""
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(connection)
        else:
            connection.close()

    def forget(self, connection: _Connection) -> None:
        """*connection* is closed."""
        if connection in self._idle:
            self._idle.remove(connection)


class PendingForward:
    """The pending response of a peer."""

    __slots__ = ("_callback", "_connection", "_ended", "_failures", "_peer", "_response")

    def __init__(self, peer: Peer, failures: Failures = _OF_MESSAGES) -> None:
        self._peer, self._failures = peer, failures
        self._callback: OnDone | None = None
        self._connection: _Connection | None = None
        self._response: Response | None = None
        self._ended = False

    def on_done(self, callback: OnDone) -> None:
        if self._ended:
            asyncio.get_running_loop().call_soon(callback, self._response)
        else:
            self._callback = callback

    def cancel(self) -> None:
        """Stop waiting: the peer sees that the connection is closed."""
        if self._ended:
            return
        self.end(None)
        if self._connection is not None:
            self._connection.close()

    def begin(self, connection: _Connection, data: bytes) -> None:
        """Send *data* by *connection*."""
        if self._ended:
            self._peer.keep(connection)
            return
        self._connection = connection
        connection.send(data, self._responded)

    def unreachable(self, reason: str) -> None:
        """There is no connection, for the *reason*."""
        text = self._failures.unreachable.format(name=self._peer.name, reason=reason)
        self.end(line(503, text, _RETRY))

    def _responded(self, response: Response | None) -> None:
        self._connection = None
        if response is None:
            response = line(503, self._failures.ended.format(name=self._peer.name))
        self.end(response)

    def end(self, response: Response | None) -> None:
        """Give *response*, unless there was one."""
        if self._ended:
            return
        self._ended, self._response = True, response
        if self._callback is not None:
            self._callback(response)


class _Connection(asyncio.Protocol):
    """A connection to *peer*, with at most one request at a time."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._transport: asyncio.Transport | None = None
        self._on_response: OnResponse | None = None
        self._data = b""
        self._wanted = 0

    def send(self, data: bytes, on_response: OnResponse) -> None:
        """Send a request; *on_response* is called with the response, with None if the connection ends without one."""
        self._on_response = on_response
        if self._transport is None or self._transport.is_closing():
            self.connection_lost(None)
        else:
            self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the interface of asyncio
        self._transport = None
        self._peer.forget(self)
        self._respond(None)

    def data_received(self, data: bytes) -> None:
        self._data = data = self._data + data if self._data else data
        if len(data) < self._wanted:
            return
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return
        head = _head(data[:end])
        size = end + 4 + head.length
        if len(data) < size:
            self._wanted = size
            return
        self._data, self._wanted = data[size:], 0
        response = Response(head.status, data[end + 4 : size], head.content_type, head.headers)
        if head.close or self._data or self._transport is None:
            self.close()
        else:
            self._peer.keep(self)
        self._respond(response)

    def _respond(self, response: Response | None) -> None:
        on_response, self._on_response = self._on_response, None
        if on_response is not None:
            on_response(response)


class _Head:
    """The status line and the headers of a response."""

    __slots__ = ("close", "content_type", "headers", "length", "status")

    def __init__(self, status: int) -> None:
        self.status = status
        self.length = 0
        self.close = False
        self.content_type: bytes | None = None
        self.headers: tuple[tuple[bytes, bytes], ...] = ()


def _head(data: bytes) -> _Head:
    first, *rest = data.split(b"\r\n")
    head = _Head(int(first.split(b" ", 2)[1]))
    kept: list[tuple[bytes, bytes]] = []
    for each in rest:
        name, _, value = each.partition(b":")
        name, value = name.lower(), value.strip(b" ")
        if name == b"content-length":
            head.length = int(value)
        elif name == b"connection":
            head.close = value.lower() == b"close"
        elif name == b"content-type":
            head.content_type = value
        elif name not in _OWN:
            kept.append((name, value))
    head.headers = tuple(kept)
    return head
