"""A Hypercorn connection that costs less per request, and that closes as soon as its client has closed it.

The fast path (fastpath/) handles the connection until the first request that is not plain. Hypercorn handles the rest,
with four changes:

- Hypercorn writes a response in three pieces, each a system call that wakes the client. Here, all writes of one turn of
  the event loop are one piece.
- Hypercorn starts two tasks and a timer whenever a connection becomes idle, and cancels them at the next request. Here,
  a connection has one timer, which checks when it was last in use.
- Hypercorn keeps a connection that its client has closed until the idle timeout. Here, it is closed at once.
- Hypercorn requests a body (``Expect``) before it checks its length. Here, the check is first.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any as Untyped
from typing import cast

import attrs
import hypercorn.asyncio.run as hypercorn_run
from hypercorn.asyncio.tcp_server import MAX_RECV, TCPServer
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.typing import AppWrapper

from statefun_actors.http.failure_log import logger
from statefun_actors.http.fastpath import FastPath
from statefun_actors.http.framing import H11
from statefun_actors.http.router import Router
from statefun_actors.system import Throttle, repeats
from statefun_actors.text import describe

_ALL = 1 << 30
"""Larger than any buffer of a reader."""
_UNREAD_SECONDS = 5.0
"""Seconds for a client to read pending responses after its idle connection was closed."""
_FAREWELL_SECONDS = 0.8
"""Seconds for a client to close its side when the server stops, as TLS requires; an idle client may not read."""


@attrs.frozen(eq=False)
class Connections:
    """What the connections of one server share. Several servers may run in one process."""

    router: Router
    header_lines: Callable[[], bytes]
    """The header lines of every response."""
    opened: set[Connection] = attrs.field(factory=set)
    """All open connections."""
    failures: Throttle = attrs.field(factory=Throttle)


class ConnectionsConfig(Config):
    """Hypercorn's configuration of a server whose connections are of this class."""

    connections: Connections


class Connection(TCPServer):
    """A connection of the server that its configuration belongs to."""

    def __init__(self, *args: Untyped) -> None:
        super().__init__(*args)
        assert isinstance(self.config, ConnectionsConfig)
        shared = self.config.connections
        self.router, self.header_lines = shared.router, shared.header_lines
        self._opened, self._failures = shared.opened, shared.failures
        self._held: list[bytes] = []
        self._over = False
        self._idle = self.idle_task = _Idle(self)  # type: ignore[assignment] # it has the methods that Hypercorn calls
        self._fast_path: FastPath | None = None

    async def run(self) -> None:
        self._opened.add(self)
        peer = self.writer.get_extra_info("peername")
        try:
            if await self._is_for_hypercorn() and self.writer.get_extra_info("socket") is not None:  # still open
                await super().run()
        except Exception as error:  # errors of Hypercorn and h2 that clients can provoke; the connection is closed
            self._failed(peer, error)
        finally:
            self._opened.discard(self)
            self._idle.forget()

    def _failed(self, peer: object, error: BaseException) -> None:
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if (left_out := self._failures.due(error.__class__.__name__)) is not None:
            shown = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else "a socket"
            logger.warning("closed the connection of %s, which failed: %s%s", shown, describe(error), repeats(left_out))

    async def _is_for_hypercorn(self) -> bool:
        """Return True at the first request that is not for the fast path; False if the connection was closed before."""
        tls = self.writer.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() == "h2":
            return True
        self._idle.idle()
        try:
            data = await self.reader.read(_ALL)
        except OSError:  # also of TLS
            data = b""
        if self._over:
            return False  # data after the close is ignored
        if not data or self.reader.at_eof():  # data before it is ignored: TLS has no half-closed connections
            self.writer.close()
            return False
        transport = cast("asyncio.Transport", self.writer.transport)  # a transport that reads, too
        self._fast_path = fast_path = FastPath(transport, self.router, self.header_lines, self._idle)
        fast_path.begin(data)
        return await fast_path.handed_over

    async def protocol_send(self, event: Event) -> None:
        if not isinstance(event, RawData):
            self._flush()
            await super().protocol_send(event)
        elif event.data:
            if not self._held:
                self.loop.call_soon(self._flush)
            self._held.append(event.data)
            try:
                await self.writer.drain()
            except (ConnectionError, RuntimeError):
                await self.protocol.handle(Closed())

    def _flush(self) -> None:
        if self._held:
            data = b"".join(self._held)
            self._held.clear()
            with contextlib.suppress(ConnectionError, RuntimeError):  # it was closed: the reader notices
                self.writer.write(data)

    async def _read_data(self) -> None:
        spoken = self.protocol.protocol
        if isinstance(spoken, H11Protocol):
            spoken.connection = H11(self.router.body_limit, self.config.h11_max_incomplete_size)
        while not self.reader.at_eof():
            try:
                data = await self.reader.read(MAX_RECV)
            except OSError:  # also of TLS
                break
            if self._over:
                break  # data after the close is ignored
            await self.protocol.handle(RawData(data))
            if (
                self._idle.since is None
                and isinstance(self.protocol.protocol, H2Protocol)
                and self.protocol.protocol.idle
            ):
                # HTTP/2's preface looks like a request without a response. Pings and settings keep no connection alive.
                self._idle.idle()
        await self.protocol.handle(Closed())
        await self._idle.stop()

    @property
    def descriptor(self) -> int:
        """The descriptor of its socket; -1 once it is closed."""
        sock = self.writer.get_extra_info("socket")
        return -1 if sock is None else cast("int", sock.fileno())

    @property
    def is_new(self) -> bool:
        """Whether the client has sent nothing yet."""
        return self._fast_path is None and self._idle.since is not None

    def close_if_idle(self) -> None:
        if self._fast_path is not None and self._fast_path.has_begun:
            self._fast_path.hand_over()
        elif self._idle.since is not None and not self._over:
            self._over = True
            if self._fast_path is not None:
                self._fast_path.end()
            self._flush()
            transport = self.writer.transport
            # Otherwise a client that never reads would keep its connection and the pending responses forever.
            self.loop.call_later(_FAREWELL_SECONDS if self.router.drained else _UNREAD_SECONDS, transport.abort)
            if not transport.is_closing():  # a second close removes from a TLS transport the state that abort needs
                transport.close()


class _Idle:
    """The idle timer of a connection. Replaces a task that Hypercorn restarts at each request."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._timer: asyncio.TimerHandle | None = None
        self.since: float | None = None
        """Loop time at which the connection became idle; None during a request and after the end."""

    async def restart(self, *_: object) -> None:
        self.idle()

    async def stop(self) -> None:
        self.busy()

    def idle(self) -> None:
        """The connection became idle."""
        connection = self._connection
        self.since = connection.loop.time()
        if connection.router.drained:
            connection.close_if_idle()
        elif self._timer is None:
            self._timer = connection.loop.call_later(connection.config.keep_alive_timeout, self._look)

    def busy(self) -> None:
        """The connection became busy, or ended."""
        self.since = None

    def _look(self) -> None:
        self._timer = None
        connection = self._connection
        timeout = connection.config.keep_alive_timeout
        left = timeout if self.since is None else self.since + timeout - connection.loop.time()
        if left > 0:
            self._timer = connection.loop.call_later(left, self._look)
        else:
            connection.close_if_idle()

    def forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def use_connections() -> None:
    """Make Hypercorn use this class for the servers of this package; other servers of the program keep its own."""
    hypercorn: Untyped = hypercorn_run  # it has no setting for the class of connections
    hypercorn.TCPServer = _connection


def _connection(app: AppWrapper, loop: asyncio.AbstractEventLoop, config: Config, *others: Untyped) -> TCPServer:
    return (Connection if isinstance(config, ConnectionsConfig) else TCPServer)(app, loop, config, *others)
