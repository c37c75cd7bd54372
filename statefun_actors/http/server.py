"""Serves an app with Hypercorn in this process, and stops without losing requests in flight.

A stop has three steps. First, /readyz fails and each response closes its connection, so that clients go elsewhere; the
server listens until the requests in flight have ended. Then it stops accepting, responds to what it has accepted, and
closes idle connections. At the timeout, remaining requests are cancelled and get 503, which makes Flink retry them.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from socket import socket
from typing import TYPE_CHECKING, Final
from wsgiref.handlers import format_date_time

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Sockets

from statefun_actors.http.certificates import Tls, renewed
from statefun_actors.http.connection import Connections, ConnectionsConfig, use_connections
from statefun_actors.http.router import Router
from statefun_actors.own_logger import own_logger
from statefun_actors.system import ACCEPTED_AT_ONCE, ListeningSocket, kept_from_children, loop_errors

if TYPE_CHECKING:
    from quart import Quart

logger: Final = own_logger("statefun_actors.http")

STOP_SECONDS: Final = 10.0
"""The maximum duration of a stop."""
DRAIN_SECONDS: Final = 8.0
"""The timeout for requests in flight."""
LINGER_SECONDS: Final = 0.25
"""The time in which clients with further requests get responses that close their connections."""
_FIRST_REQUEST_SECONDS: Final = 0.25
"""The time for requests of connections that were accepted last."""
_TURNS_TO_OPEN: Final = 4
"""Turns of asyncio's loop from accepting a connection to the first step of its task."""
_LOOKS: Final = 0.005
"""Seconds between two looks whether accepted connections have sent their requests."""
IDLE_SECONDS: Final = 75.0
"""The idle timeout of connections: longer than that of StateFun's clients (15 s), so that clients close first."""


class _Config(ConnectionsConfig):
    """Hypercorn's configuration, with a Date header that is made once a second instead of for each request.

    Certificates are read again when their files change.
    """

    _ssl: ssl.SSLContext | None = None
    _second = 0
    _headers: Sequence[tuple[bytes, bytes]] = ()
    _lines = b""

    def response_headers(self, protocol: str) -> list[tuple[bytes, bytes]]:  # noqa: ARG002 - Hypercorn's signature
        self.header_lines()
        return self._headers  # type: ignore[return-value] # callers don't add to it

    def header_lines(self) -> bytes:
        """The same headers as bytes."""
        second = int(time.time())
        if second != self._second:
            date = format_date_time(second).encode()
            self._second, self._headers, self._lines = second, [(b"date", date)], b"date: %b\r\n" % date
        return self._lines

    def create_sockets(self) -> Sockets:
        made = super().create_sockets()
        for sockets in (made.secure_sockets, made.insecure_sockets):
            sockets[:] = [ListeningSocket(fileno=each.detach()) for each in sockets]
        return made

    def use(self, tls: Tls) -> None:
        """Serve HTTPS with *tls*. Raises CertificatesError: its files have changed since it was made, and don't fit."""
        self.certfile, self.keyfile = str(tls.certfile), str(tls.keyfile)
        if tls.ca_certs is not None:
            self.ca_certs, self.verify_mode = str(tls.ca_certs), ssl.CERT_REQUIRED
        tls.check()
        self._ssl = renewed(self._context, tls.files)

    def create_ssl_context(self) -> ssl.SSLContext | None:
        return self._ssl

    def _context(self) -> ssl.SSLContext:
        context = super().create_ssl_context()
        assert context is not None  # it has certificates
        if self.ca_certs is not None:  # a resumed session would not present its certificate again
            context.options |= ssl.OP_NO_TICKET
            context.num_tickets = 0
        return context


def configured(sockets: Sequence[socket], tls: Tls | None) -> _Config:
    """Hypercorn's configuration. It takes ownership of the sockets. Raises CertificatesError: then it does not."""
    config = _Config()
    if tls is not None:
        config.use(tls)
    config.bind = [f"fd://{each.detach()}" for each in sockets]
    config.backlog = ACCEPTED_AT_ONCE
    config.keep_alive_max_requests = sys.maxsize
    config.keep_alive_timeout = IDLE_SECONDS
    config.graceful_timeout = STOP_SECONDS - DRAIN_SECONDS - 1
    config.errorlog = own_logger("statefun_actors.http.hypercorn")
    return config


async def serve(
    app: Quart | Router,
    sockets: Sequence[socket],
    *,
    stop: Callable[[], Awaitable[object]],
    tls: Tls | None = None,
    own_loop: bool = True,
) -> None:
    """Serve *app*, which this package made, until ``stop()`` returns; then end within ``STOP_SECONDS``.

    It does not wait for handlers that can't be cancelled, but a handler's thread keeps the process alive, unless the
    handler was given up at its timeout. The *sockets* listen already, and are closed at the end. *own_loop*: nothing
    else runs on this event loop, so all its errors are logged here.

    ``stop()`` is called once it serves.

    Raises:
        CertificatesError: the files of *tls* have changed since they were checked, and don't fit each other.
    """
    router = app if isinstance(app, Router) else app.asgi_app
    assert isinstance(router, Router), "an app made by create_app"
    if own_loop:
        asyncio.get_running_loop().set_exception_handler(loop_errors())

    listening = [each.fileno() for each in sockets]
    config = configured(sockets, tls)
    config.connections = shared = Connections(router, config.header_lines)
    use_connections()

    async def drained() -> None:
        await stop()
        await drain(router)
        await _stop_accepting(listening, shared)
        router.drained = True
        for connection in list(shared.opened):
            connection.close_if_idle()
        listening.clear()  # Hypercorn closes them now

    def descriptors() -> list[int]:
        return [*listening, *(connection.descriptor for connection in shared.opened)]

    with kept_from_children(descriptors):
        await hypercorn_serve(router, config, shutdown_trigger=drained, mode="asgi")


async def _stop_accepting(listening: Sequence[int], shared: Connections) -> None:
    """Stop accepting, and wait for the first requests of connections that were just accepted.

    New connections go to other processes that share the sockets.

    Hypercorn would stop accepting and abandon the last connections at once: they would stay open, without a response,
    for as long as the process lives.
    """
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):  # Windows: connections are not accepted by readers there
        for descriptor in listening:
            loop.remove_reader(descriptor)
    for _ in range(_TURNS_TO_OPEN):
        await asyncio.sleep(0)
    until = loop.time() + _FIRST_REQUEST_SECONDS
    while loop.time() < until and any(each.is_new for each in shared.opened):  # noqa: ASYNC110 - an event costs each connection
        await asyncio.sleep(_LOOKS)


async def drain(router: Router) -> None:
    """Return once the requests in flight have ended; those after them have ``LINGER_SECONDS``."""
    router.stopping = True
    until = time.monotonic() + DRAIN_SECONDS
    await router.in_flight.wait(DRAIN_SECONDS)
    await asyncio.sleep(min(LINGER_SECONDS, until - time.monotonic()))
    asyncio.get_running_loop().call_later(max(0.0, until - time.monotonic()), _cancel, router)


def _cancel(router: Router) -> None:
    if count := len(router.in_flight):
        logger.warning("cancelled %d batches, which did not end in time", count)
        router.in_flight.cancel()
