"""Serving on Hypercorn in this process, and stopping so that nothing under way is lost.

To stop takes three steps. First the endpoint says that it is not ready, and each reply closes its connection, so that
clients go elsewhere by themselves; it goes on listening until the batches that were under way then have ended. Then it
stops listening, and closes connections that are idle. What still runs when the time is up is cancelled and answered
with 503, which makes Flink send it again.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from socket import socket
from typing import TYPE_CHECKING, Final
from wsgiref.handlers import format_date_time

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config

from statefun_actors.dispatch import HandlerTask
from statefun_actors.http.connection import connections
from statefun_actors.http.listening import BACKLOG, Tls
from statefun_actors.http.router import Router
from statefun_actors.system import loop_errors

if TYPE_CHECKING:
    from quart import Quart

logger: Final = logging.getLogger("statefun_actors.http")

STOP_SECONDS: Final = 10.0
"""From the wish to stop to the end, at most."""
DRAIN_SECONDS: Final = 8.0
"""For the batches under way to end by themselves."""
LINGER_SECONDS: Final = 0.25
"""For which clients that send one request after the other are told that their connection closes."""
IDLE_SECONDS: Final = 75.0
"""After which a connection without requests is closed: later than StateFun's clients do that (15 s), lest a request
meets the closing."""


class _Config(Config):
    """Hypercorn's configuration, with one Date header a second instead of one a request."""

    _second = 0
    _headers: Sequence[tuple[bytes, bytes]] = ()
    _lines = b""

    def response_headers(self, protocol: str) -> list[tuple[bytes, bytes]]:  # noqa: ARG002 - Hypercorn's signature
        self.header_lines()
        return self._headers  # type: ignore[return-value] # nobody adds to it

    def header_lines(self) -> bytes:
        """The same as they are written."""
        second = int(time.time())
        if second != self._second:
            date = format_date_time(second).encode()
            self._second, self._headers, self._lines = second, [(b"date", date)], b"date: %b\r\n" % date
        return self._lines


def configured(sockets: Sequence[socket], tls: Tls | None) -> _Config:
    """Hypercorn's configuration for the front. The sockets are its own from here on."""
    config = _Config()
    config.bind = [f"fd://{each.detach()}" for each in sockets]
    config.backlog = BACKLOG
    config.keep_alive_max_requests = sys.maxsize
    config.keep_alive_timeout = IDLE_SECONDS
    config.graceful_timeout = STOP_SECONDS - DRAIN_SECONDS - 1
    config.errorlog = logging.getLogger("statefun_actors.http.hypercorn")
    if tls is not None:
        config.certfile, config.keyfile = str(tls.certfile), str(tls.keyfile)
        if tls.ca_certs is not None:
            config.ca_certs, config.verify_mode = str(tls.ca_certs), ssl.CERT_REQUIRED
    return config


async def serve(
    app: Quart | Router,
    sockets: Sequence[socket],
    *,
    stop: Callable[[], Awaitable[object]],
    tls: Tls | None = None,
    own_loop: bool = True,
) -> None:
    """Serve *app* until ``stop()`` returns; then end within ``STOP_SECONDS``. It is one of those made here.

    Handlers that can't be cancelled (a thread, a handler that ignores it) are not waited for, but a thread keeps the
    process from ending. The *sockets* listen already, and are closed at the end. *own_loop*: nothing else of the
    process runs on this event loop, so that what it reports is told here, too.
    """
    front = app if isinstance(app, Router) else app.asgi_app
    assert isinstance(front, Router), "an app made by create_app"
    if own_loop:
        asyncio.get_running_loop().set_exception_handler(loop_errors())

    config = configured(sockets, tls)
    with connections(front, config.header_lines) as opened:

        async def drained() -> None:
            await stop()
            await _drain(front)
            front.drained = True
            for connection in list(opened):
                connection.close_if_idle()

        await hypercorn_serve(front, config, shutdown_trigger=drained, mode="asgi")


async def _drain(front: Router) -> None:
    front.stopping = True
    until = time.monotonic() + DRAIN_SECONDS
    if front.in_flight:
        await asyncio.wait(set(front.in_flight), timeout=DRAIN_SECONDS)
    await asyncio.sleep(min(LINGER_SECONDS, until - time.monotonic()))
    asyncio.get_running_loop().call_later(max(0.0, until - time.monotonic()), _cancel, front)


def _cancel(front: Router) -> None:
    if front.in_flight:
        logger.warning("%d batches did not end in time, and are cancelled", len(front.in_flight))
    for task in front.in_flight:
        if isinstance(task, HandlerTask):
            task.stop()
        else:
            task.cancel()
