"""Connections about the end of a server whose process goes on, and whose socket another process shares."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import pytest

from statefun_actors.http import Router, listen, serve
from tests.http.test_several_servers import DEADLINE, Named

REQUEST = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n"


def test_each_connection_gets_a_response_or_waits_for_the_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client connects in each turn of the event loop, until the last one."""
    monkeypatch.setattr("statefun_actors.http.server.LINGER_SECONDS", 0.01)
    listener = listen("127.0.0.1:0")
    [shared] = listener.sockets
    address, clients = shared.getsockname(), list[socket.socket]()

    async def connect_in_each_turn() -> None:
        while True:
            client = socket.create_connection(address, DEADLINE)
            client.sendall(REQUEST)
            clients.append(client)
            await asyncio.sleep(0)

    async def run() -> None:
        route = Named("first")
        connecting = asyncio.create_task(connect_in_each_turn())
        await serve(
            Router(lambda _: route, 1_000, otherwise=route),
            [shared.dup()],
            stop=lambda: asyncio.sleep(0),
            own_loop=False,
        )
        connecting.cancel()
        with suppress(asyncio.CancelledError):
            await connecting

    asyncio.run(run())
    while True:
        try:
            accepted, _ = shared.accept()
        except BlockingIOError:
            break
        accepted.sendall(b"second")
        accepted.shutdown(socket.SHUT_WR)
        accepted.recv(len(REQUEST))
        accepted.close()
    responses: set[bytes] = set()
    for client in clients:
        with client, client.makefile("rb") as stream:
            responses.add(stream.read()[-7:])
    assert responses == {b"\nfirst\n", b"second"}
    listener.close()
