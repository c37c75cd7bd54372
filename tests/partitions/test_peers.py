"""Requests that a partition forwards to another process, whatever that does with the connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from statefun_actors.http import Forwarding, Guard, Peer, Pending, Request, Response, line
from statefun_actors.http.ingress.health import HealthRoutes
from statefun_actors.http.ingress.of_all_partitions import ForwardedHealth
from statefun_actors.partitions import Partition
from tests.partitions.systems import DEADLINE, system
from tests.partitions.test_links import Cell, until

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

SENT_AGAIN = line(
    503,
    "partition 1 ended before it answered; the message may or may not be stored: send it again only under the same "
    "Idempotency-Key",
)


@asynccontextmanager
async def peer(folder: Path, handle: Handle) -> AsyncGenerator[Peer]:
    """A peer whose connections are served by *handle*, and then closed."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        except asyncio.IncompleteReadError:
            pass  # the client has closed it
        finally:
            writer.close()

    server = await asyncio.start_unix_server(serve, folder / "1.http")
    async with asyncio.timeout(DEADLINE):
        yield Peer("partition 1", folder / "1.http")
    server.close()


async def response_of(pending: Pending) -> Response | None:
    response: asyncio.Future[Response | None] = asyncio.get_running_loop().create_future()
    pending.on_done(response.set_result)
    return await response


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The head of the next request, and its body."""
    head = await reader.readuntil(b"\r\n\r\n")
    size = next(int(each.split(b":")[1]) for each in head.split(b"\r\n") if each.startswith(b"content-length:"))
    return head, await reader.readexactly(size)


REQUEST = Request("PUT", b"/ingress/test/cell/1", [(b"host", b"x"), (b"connection", b"close"), (b"x-a", b"b")])


async def test_a_request_is_forwarded_without_the_headers_of_its_connection(tmp_path: Path) -> None:
    seen: list[tuple[bytes, bytes]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(b"HTTP/1.1 204 No Content\r\ndate: today\r\n\r\n")
        await writer.drain()

    async with peer(tmp_path, handle) as there:
        assert await response_of(there.forward(REQUEST, b"12345")) == Response(204)
    assert seen == [(b"PUT /ingress/test/cell/1 HTTP/1.1\r\nhost: x\r\nx-a: b\r\ncontent-length: 5\r\n\r\n", b"12345")]


async def test_a_response_that_comes_in_pieces_is_one_response(tmp_path: Path) -> None:
    whole = (
        b"HTTP/1.1 409 Conflict\r\nContent-Type: text/plain\r\nServer: s\r\nRetry-After: 1\r\ncontent-length: 12\r\n"
        b"\r\nhello, there"
    )

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for at in range(len(whole)):
            writer.write(whole[at : at + 1])
            await asyncio.sleep(0)

    async with peer(tmp_path, handle) as there:
        expected = Response(409, b"hello, there", b"text/plain", ((b"retry-after", b"1"),))
        assert await response_of(there.forward(REQUEST, b"")) == expected


async def test_a_connection_is_used_again_until_it_is_closed(tmp_path: Path) -> None:
    connections = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for headers in (b"", b"connection: close\r\n"):
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\n%bcontent-length: 1\r\n\r\n%d" % (headers, connections))
            await writer.drain()

    async with peer(tmp_path, handle) as there:
        found = [await response_of(there.forward(REQUEST, b"")) for _ in range(4)]
    assert [each and each.body for each in found] == [b"1", b"1", b"2", b"2"]


@pytest.mark.parametrize(
    "written", [b"", b"HTTP/1.1 200 OK\r\ncontent-le", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n1"]
)
async def test_a_process_that_ends_before_the_whole_response_is_an_error(tmp_path: Path, written: bytes) -> None:
    """The error says that the message may be stored."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(written)
        await writer.drain()

    async with peer(tmp_path, handle) as there:
        assert await response_of(there.forward(REQUEST, b"")) == SENT_AGAIN


async def test_a_process_that_does_not_run_has_not_taken_the_message(tmp_path: Path) -> None:
    there = Peer("partition 1", tmp_path / "1.http")
    assert await response_of(there.forward(REQUEST, b"")) == line(
        503, "not taken, send it again: partition 1 can't be reached: No such file or directory", (b"retry-after", b"1")
    )


async def test_the_process_sees_that_a_request_is_cancelled(tmp_path: Path) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        began.set()
        assert await reader.read() == b""
        ended.set()

    async with peer(tmp_path, handle) as there:
        pending = there.forward(REQUEST, b"")
        found: list[Response | None] = []
        pending.on_done(found.append)
        await began.wait()
        pending.cancel()
        pending.cancel()
        await ended.wait()
        await until(lambda: found)
    assert found == [None]


async def readiness(folder: Path, there: Peer) -> Response | None:
    """What the first of two partitions says of both."""
    async with system(folder, Cell) as both:
        engine = both.members[0].engine
        forwarding = Forwarding(Partition(0, 2), {1: there}, engine.when_handed_over)
        health = ForwardedHealth(HealthRoutes(Guard(local=True), engine, lambda: False), forwarding)
        pending = health.respond(Request("GET", b"/readyz", []), b"")
        assert not isinstance(pending, Response)
        return await response_of(pending)


async def test_a_partition_that_can_not_be_reached_is_not_ready(tmp_path: Path) -> None:
    there = Peer("partition 1", tmp_path / "1.http")
    assert await readiness(tmp_path, there) == line(
        503, "not ready: partition 1: can't be reached: No such file or directory"
    )


async def test_a_partition_that_ends_is_not_ready(tmp_path: Path) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with peer(tmp_path, handle) as there:
        assert await readiness(tmp_path, there) == line(503, "not ready: partition 1: ended before it answered")
