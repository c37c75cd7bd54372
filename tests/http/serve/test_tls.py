"""``statefun-actors serve`` over TLS."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from statefun_actors import Address
from tests.http.serve.counting import COUNTER
from tests.http.serving import DEADLINE, Server, request, serving

_Step = TypeVar("_Step")


def test_mutual_tls_accepts_only_known_clients(app: Path, certificates: Path) -> None:
    files = {name: str(certificates / name) for name in ("server.pem", "server.key", "client.pem")}
    options = ("--certfile", files["server.pem"], "--keyfile", files["server.key"], "--ca-certs", files["client.pem"])

    def status(server: Server, client: str | None) -> int:
        context = ssl.create_default_context(cafile=files["server.pem"])
        if client is not None:
            context.load_cert_chain(certificates / f"{client}.pem", certificates / f"{client}.key")
        connection = server.connection(context)
        try:
            connection.request("POST", "/statefun", request(COUNTER, 1, state={"n": None}))
            return int(connection.getresponse().status)
        finally:
            connection.close()

    with serving(app, *options) as server:
        assert status(server, "client") == 200
        for unknown in (None, "stranger"):
            with pytest.raises((ssl.SSLError, http.client.HTTPException, ConnectionError)):
                status(server, unknown)
        assert status(server, "client") == 200


async def test_over_tls_http_2_is_spoken_to_who_speaks_it(app: Path, certificates: Path) -> None:
    files = ("--certfile", str(certificates / "server.pem"), "--keyfile", str(certificates / "server.key"))
    context = ssl.create_default_context(cafile=str(certificates / "server.pem"))
    with serving(app, *files) as server:
        async with httpx.AsyncClient(http2=True, verify=context) as client:
            url = f"https://{server.host}:{server.port}/statefun"
            bodies = [request(COUNTER, number, state={"n": None}) for number in range(1, 20)]
            replies = await asyncio.gather(*(client.post(url, content=body) for body in bodies))
            refused = await client.put(url, content=b"x")

    assert {(reply.status_code, reply.http_version) for reply in replies} == {(200, "HTTP/2")}
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


def post_bytes(target: Address) -> bytes:
    body = request(target, 1, state={"n": None})
    return b"POST /statefun HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def leave_over_tls(server: Server, certificates: Path, *requests: bytes, reset: bool = False) -> None:
    """Send *requests*, await the answers to all but the last, and leave together with that: in one segment.

    With *reset*, leave without a farewell.
    """
    context = ssl.create_default_context(cafile=str(certificates / "server.pem"))
    arrived, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(arrived, leaving, server_hostname=server.host)
    with socket.create_connection((server.host, server.port), DEADLINE) as connection:

        def done(step: Callable[[], _Step]) -> _Step:
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    connection.sendall(leaving.read())
                    arrived.write(connection.recv(65536))

        done(tls.do_handshake)
        for each in requests[:-1]:
            tls.write(each)
            assert b" 200 " in done(lambda: tls.read(65536))
        for each in requests[-1:]:
            tls.write(each)
        if not reset:
            with pytest.raises(ssl.SSLWantReadError):
                tls.unwrap()
        connection.sendall(leaving.read())
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            while connection.recv(65536):
                ...


def test_a_client_that_leaves_over_tls_is_not_logged_as_a_fault(app: Path, certificates: Path) -> None:
    files = ("--certfile", str(certificates / "server.pem"), "--keyfile", str(certificates / "server.key"))
    slow, ready = post_bytes(Address("test/slow", "never")), b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
    with serving(app, *files) as server:
        for requests in [(), (slow,), (ready,), (slow[:-1],), (post_bytes(COUNTER), slow), (ready, ready)]:
            leave_over_tls(server, certificates, *requests)
        for _ in range(20):  # the server may hear of it at various moments
            leave_over_tls(server, certificates, reset=True)
        code, shown = server.stop()

    assert code == 0
    assert "Traceback" not in shown
    assert "never awaited" not in shown, shown
    assert not (app.parent / "never.entered").exists()
