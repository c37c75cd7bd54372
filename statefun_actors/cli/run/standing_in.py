"""Responds for a partition that is started again after a pause: connections would wait for it at its sockets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from socket import socket

from statefun_actors.http import RefusedError, Request, Response, Router, line, serve


def respond_meanwhile(name: str, sockets: Sequence[socket], seconds: float) -> None:
    """For *seconds*, respond 503 at *sockets*, which stay open, to requests for the process *name*. Returns at once."""
    copies = [sock.dup() for sock in sockets]
    threading.Thread(target=_respond, args=(name, copies, seconds), name=f"for {name}", daemon=True).start()


def _respond(name: str, sockets: Sequence[socket], seconds: float) -> None:
    route = _Absent(
        line(503, f"not taken, send it again: {name} is started again in {seconds:g} s", (b"retry-after", b"1"))
    )
    router = Router(lambda _: route, 1, otherwise=route)
    router.stopping = True  # each response closes its connection: the next one may reach a process that runs
    asyncio.run(serve(router, sockets, stop=lambda: asyncio.sleep(seconds)))


class _Absent:
    """Refuses each request with *response*."""

    def __init__(self, response: Response) -> None:
        self._response = response

    def admit(self, request: Request) -> None:  # noqa: ARG002 - it refuses all
        raise RefusedError(self._response)

    def respond(self, request: Request, body: bytes) -> Response:  # noqa: ARG002 - none comes here
        return self._response
