"""Connections that take too much: their memory is bounded, they end, and the log stays short."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import h2.config
import h2.connection
import pytest

from statefun_actors import Entity, handles, persisted
from statefun_actors.address import Address
from statefun_actors.http import create_app, listen, serve, server
from statefun_actors.http.router import Router
from statefun_actors.system import loop_errors
from tests.descriptors import no_more_descriptors
from tests.engine.engines import until
from tests.http.serving import request

DEADLINE: Final = 30.0
LIMIT: Final = 100_000
HEAD: Final = b"POST /statefun HTTP/1.1\r\nHost: x\r\n"
H2_HEAD: Final = [(b":method", b"POST"), (b":path", b"/statefun"), (b":authority", b"x"), (b":scheme", b"http")]


class Sleeper(Entity, typename="test/sleeper"):
    n: int = persisted(default=0)

    @handles(int)
    async def sleep(self, message: int) -> None:
        await asyncio.Event().wait()


@asynccontextmanager
async def serving() -> AsyncGenerator[tuple[Router, tuple[str, int]]]:
    listener = listen("127.0.0.1:0")
    stop = asyncio.Event()
    app = create_app(Sleeper, body_limit=LIMIT)
    router = app.asgi_app
    assert isinstance(router, Router)
    task = asyncio.create_task(serve(app, listener.sockets, stop=stop.wait))
    try:
        async with asyncio.timeout(DEADLINE):
            yield router, listener.sockets[0].getsockname()
    finally:
        stop.set()
        await asyncio.wait_for(task, DEADLINE)


class H2:
    """A client of HTTP/2 over plain text."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=True, validate_outbound_headers=False, header_encoding=None)
        )
        self.h2.initiate_connection()

    @classmethod
    async def to(cls, address: tuple[str, int]) -> H2:
        client = cls(*await asyncio.open_connection(*address))
        client.flush()
        return client

    def flush(self) -> None:
        self.writer.write(self.h2.data_to_send())

    def request(self, headers: Sequence[tuple[bytes, bytes]] = H2_HEAD, body: bytes | None = None) -> int:
        stream: int = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, headers, end_stream=body is None)
        if body is not None:
            self.h2.send_data(stream, body, end_stream=True)
        self.flush()
        return stream


async def test_unfinished_bodies_are_bounded_in_sum() -> None:
    async with serving() as (router, address):
        begun = [await asyncio.open_connection(*address) for _ in range(8)]
        for _, writer in begun:
            writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"c000\r\n" + bytes(0xC000) + b"\r\n")
        await until(lambda: router._arrived == 8 * 0xC000)
        for _, writer in begun:
            writer.write(b"c000\r\n" + bytes(0xC000) + b"\r\n")
        answers = [asyncio.create_task(reader.readline()) for reader, _ in begun]
        await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
        status = next(task.result() for task in answers if task.done())
        for task in answers:
            task.cancel()
        await asyncio.gather(*answers, return_exceptions=True)
        held = router._arrived
        for _, writer in begun:
            writer.close()
        await until(lambda: router._arrived == 0)

    assert status.startswith(b"HTTP/1.1 503 ")
    assert held <= 4 * LIMIT


async def test_a_body_that_the_fast_path_waits_for_counts_too_until_its_connection_ends() -> None:
    async with serving() as (router, address):
        begun = [await asyncio.open_connection(*address) for _ in range(3)]
        for _, writer in begun:
            writer.write(HEAD + b"Content-Length: 90000\r\n\r\nx")
        await until(lambda: router._arrived > 3 * 90_000)
        for _, writer in begun:
            writer.close()
        await until(lambda: router._arrived == 0)


async def test_an_upgrade_to_h2c_is_ignored() -> None:
    async with serving() as (_, address):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
            b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
        )
        first = await reader.readline()
        writer.close()

    assert first == b"HTTP/1.1 200 \r\n"


async def test_an_http_2_connection_that_only_sends_its_preface_and_pings_ends_like_an_idle_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "IDLE_SECONDS", 0.3)
    async with serving() as (_, address):
        client = await H2.to(address)
        ended = asyncio.create_task(client.reader.read(-1))
        while not ended.done():
            client.h2.ping(b"12345678")
            client.flush()
            await asyncio.wait([ended], timeout=0.05)
        client.writer.close()


async def test_a_fault_in_hypercorn_is_one_log_line_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    path = [(b":method", b"GET"), (b":path", b"/\xff\x1b[31m"), (b":authority", b"x"), (b":scheme", b"http")]
    with caplog.at_level(logging.INFO):
        async with serving() as (_, address):
            for _ in range(20):
                client = await H2.to(address)
                client.request(path)
                await client.reader.read(-1)
                client.writer.close()

    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.getMessage().partition(" failed: ")[2].startswith("UnicodeDecodeError: ")
    assert record.exc_info is None


async def test_the_retry_of_a_socket_that_was_closed_meanwhile_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    closed = {
        "message": "Exception in callback BaseSelectorEventLoop._start_serving(...)",
        "exception": ValueError("Invalid file descriptor: -1"),
    }
    handle = loop_errors()
    handle(asyncio.get_running_loop(), closed)
    assert caplog.messages == []

    handle(asyncio.get_running_loop(), {**closed, "message": "Exception in callback of the application"})
    assert caplog.messages == ["Exception in callback of the application"]


async def test_rapid_resets_are_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        async with serving() as (router, address):
            client = await H2.to(address)
            for number in range(50):
                stream = client.request(body=request(Address("test/sleeper", str(number)), 1, state={"n": None}))
                await until(lambda: len(router.in_flight))
                client.h2.reset_stream(stream)
                client.flush()
                await until(lambda: not len(router.in_flight))
            client.writer.close()

    assert [record.getMessage() for record in caplog.records if record.name == "statefun_actors.http"] == [
        "test/sleeper/0: the connection was closed, and its batch was cancelled"
    ]


async def test_without_file_descriptors_there_is_one_line_and_later_one_with_the_number_of_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    handle = loop_errors()
    for _ in range(19_400):
        error = OSError(errno.EMFILE, "Too many open files")
        handle(loop, {"message": "socket.accept() out of system resource", "exception": error})
    handle(loop, {"exception": ssl.SSLError(1, "a client that speaks no TLS")})

    assert [record.getMessage() for record in caplog.records] == [
        "cannot accept connections: Too many open files; clients wait. Raise the limit (ulimit -n), or close other "
        "files and connections",
        "a connection failed: a client that speaks no TLS",
    ]


async def test_without_file_descriptors_a_loop_retries_once_a_second_and_serves_those_that_waited() -> None:
    loop, failures = asyncio.get_running_loop(), list[object]()
    ask = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    clients = [socket.socket() for _ in range(10)]
    async with serving() as (_, address):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(ask)
        assert await reader.read(-1)  # it serves
        writer.close()
        loop.set_exception_handler(lambda _, context: failures.append(context.get("exception")))
        with closing(clients):
            with no_more_descriptors():
                for client in clients:
                    client.setblocking(False)
                    await loop.sock_connect(client, address)
                await until(lambda: len(failures) >= 2)
                failed = len(failures)
            for client in clients:
                await loop.sock_sendall(client, ask)
                while await loop.sock_recv(client, 65_536):
                    pass

    assert failed < 10, "each failure has added a retry"
    assert all(isinstance(error, OSError) and error.errno == errno.EMFILE for error in failures)


@contextmanager
def closing(sockets: Sequence[socket.socket]) -> Generator[None]:
    try:
        yield
    finally:
        for each in sockets:
            each.close()
