"""The fast path on real sockets: the same responses as from Hypercorn, however the bytes arrive."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from statefun_actors import Address, Context, StatefulFunctions, create_app
from statefun_actors.dispatch import Application
from statefun_actors.http import Guard, Router, create_ingress_app, listen, serve
from statefun_actors.http.fastpath import FastPath
from statefun_actors.http.fastpath import fast_path as room
from tests.engine.engines import running, until
from tests.http.serving import DEADLINE, request

ADDRESS = Address("test/fn", "a")


class Functions:
    """A plain one, and one that waits to be let go."""

    def __init__(self) -> None:
        self.served = StatefulFunctions()
        self.entered, self.go = asyncio.Event(), asyncio.Event()
        self.calls = 0
        self.cancelled = False

        @self.served.bind("test/fn")
        def plain(context: Context, message: int) -> None:
            self.calls += 1
            if message < 0:
                raise ValueError("negative")
            context.pack_and_reply(message + 1)

        @self.served.bind("test/waits")
        async def waits(context: Context, message: int) -> None:
            self.calls += 1
            self.entered.set()
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.cancelled = True
                raise
            context.pack_and_reply(message)


class Client:
    """A connection whose bytes are sent as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> bytes:
        """One whole response, without its date."""
        async with asyncio.timeout(DEADLINE):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            body = await self.reader.readexactly(int(length[1])) if length else b""
            if b"transfer-encoding: chunked" in head:
                body = await self.reader.readuntil(b"0\r\n\r\n")
        return re.sub(rb"date: [^\r]*\r\n", b"", head) + body

    async def closed(self) -> bool:
        async with asyncio.timeout(DEADLINE):
            return await self.reader.read() == b""

    def close(self) -> None:
        self.writer.close()


class Served:
    """A server in this event loop."""

    def __init__(self, router: Router, address: tuple[str, int]) -> None:
        self.router, self._address = router, address
        self.stop = asyncio.Event()
        self.clients: list[Client] = []

    async def client(self, *, hypercorn: bool = False) -> Client:
        """A connection; with *hypercorn* it has sent another request first, and so left the fast path."""
        found = Client(*await asyncio.open_connection(*self._address))
        self.clients.append(found)
        if hypercorn:
            found.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b" 200 " in await found.answer()
        return found


@asynccontextmanager
async def serving(*served: object, ingress: bool = False) -> AsyncGenerator[Served]:
    """The endpoint for *served*, or the ingress to it."""
    listener = listen("127.0.0.1:0")
    async with running(*served) as engine:
        application = Application(*served)
        app = create_ingress_app(application, engine, Guard()) if ingress else create_app(application)
        router = app if isinstance(app, Router) else app.asgi_app
        assert isinstance(router, Router)
        found = Served(router, listener.sockets[0].getsockname())
        task = asyncio.create_task(serve(app, listener.sockets, stop=found.stop.wait))
        try:
            yield found
        finally:
            for client in found.clients:
                client.close()
            found.stop.set()
            await asyncio.wait_for(task, DEADLINE)


@pytest.fixture(autouse=True)
def short_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("statefun_actors.http.server.LINGER_SECONDS", 0.0)


def post(body: bytes, path: bytes = b"/statefun", *lines: bytes, method: bytes = b"POST") -> bytes:
    start = b"%b %b HTTP/1.1" % (method, path)
    return b"\r\n".join([start, b"Host: localhost", b"Content-Length: %d" % len(body), *lines, b"", b""]) + body


async def turns(count: int = 5) -> None:
    """This number of iterations of the event loop, each of which reads the available bytes."""
    for _ in range(count):
        await asyncio.sleep(0)


PLAIN = request(ADDRESS, 1, caller=Address("x/y", "z"))
WAITS = request(Address("test/waits", "a"), 1, caller=Address("x/y", "z"))
JSON = b"Content-Type: application/json"

ENDPOINT_REQUESTS = [
    post(PLAIN),
    post(request(ADDRESS, 1, protocol=2, caller=Address("x/y", "z")), b"/statefun/v2"),
    post(request(ADDRESS, -1)),
    post(request(Address("test/none", "a"), 1)),
    post(b""),
    post(b"\xff\xff"),
    post(b"\xff\xff", b"/statefun", b"Content-Encoding: gzip"),
    post(PLAIN, b"/statefun?x=y"),
    post(PLAIN, b"/nowhere"),
    post(PLAIN, method=b"PUT"),
    post(PLAIN, b"/statefun", b"Connection: close"),
    post(PLAIN, b"/statef%75n"),
    post(b"x" * 300_000),
    post(b"x" * 600_000),
    post(PLAIN, b"/statefun", b"X: a", b" folded"),
    post(PLAIN, b"/statefun", b"Content-Length: 1"),
    post(b"\xff\xff").replace(b"\r\n", b"\n"),
    b"POST /statefun HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\xff\xff\r\n0\r\n\r\n",
    b"POST /statefun HTTP/1.1\r\n\r\n",
    b"nonsense\r\n\r\n",
    b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n",
]
INGRESS_REQUESTS = [
    post(b"1", b"/ingress/test/counter/a", JSON),
    post(b"1", b"/ingress/test/counter/a%2Fb?wait=5s", JSON, method=b"PUT"),
    post(b"x", b"/ingress/test/counter/a", JSON),
    post(b"1", b"/ingress/test/counter/a?what", JSON),
    post(b"1", b"/ingress/test/none/a", JSON),
    post(b"1", b"/ingress", JSON),
    post(b"1", b"/ingress2", JSON),
    post(b"1", b"/%69ngress/test/counter/a", JSON),
    post(b'{"to": "test/counter/a", "value": 1}', b"/ingress", b"Content-Type: application/jsonl"),
    post(b"1", b"/ingress/test/counter/a", JSON, b"Origin: http://evil.example"),
    post(b"1", b"/ingress/test/counter/a", JSON, b"Idempotency-Key: k"),
    post(b"1", b"/ingress/test/counter/a?wait=20ms&until=reply", JSON),
]


async def both(served: Served, data: bytes) -> tuple[bytes, bytes]:
    """The responses of the fast path and of Hypercorn."""
    answers = []
    for hypercorn in (False, True):
        client = await served.client(hypercorn=hypercorn)
        client.send(data)
        answers.append(await client.answer())
        client.close()
    return answers[0], answers[1]


@pytest.mark.parametrize("data", ENDPOINT_REQUESTS)
async def test_the_endpoint_responds_as_it_does_behind_hypercorn(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    async with serving(Functions().served) as served:
        served.router.body_limit = 500_000
        fast, slow = await both(served, data)

        assert fast == slow


@pytest.mark.parametrize("data", INGRESS_REQUESTS)
async def test_the_ingress_responds_as_it_does_behind_hypercorn(data: bytes) -> None:
    functions = StatefulFunctions()

    @functions.bind("test/counter")
    def count(context: Context, message: int) -> None: ...

    async with serving(functions, ingress=True) as served:
        fast, slow = await both(served, data)

        assert fast == slow


async def test_plain_requests_take_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the comparisons above would compare Hypercorn with itself."""
    handed_over = []
    monkeypatch.setattr(FastPath, "hand_over", lambda *arguments: handed_over.append(arguments))
    async with serving(Functions().served) as served:
        client = await served.client()
        for _ in range(3):
            client.send(post(PLAIN))
            assert (await client.answer()).startswith(b"HTTP/1.1 200 \r\ncontent-type: application/octet-stream\r\n")

    assert handed_over == []


async def test_a_fault_of_our_own_is_a_500_and_the_connection_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("oops")

    async with serving(Functions().served) as served:
        client = await served.client()
        with monkeypatch.context() as patch:
            patch.setattr("statefun_actors.http.endpoint.EndpointRoute.respond", broken)
            client.send(post(PLAIN))
            assert await client.answer() == (
                b"HTTP/1.1 500 \r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 17\r\n\r\n"
                b"KeyError: 'oops'\n"
            )
        client.send(post(PLAIN))
        assert b" 200 " in await client.answer()

    assert caplog.records[0].exc_info


async def test_a_request_may_be_split_at_every_byte() -> None:
    data = post(PLAIN)
    functions = Functions()
    async with serving(functions.served) as served:
        client = await served.client()
        client.send(data)
        whole = await client.answer()
        client.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for size in range(1, len(data)):
            client.send(data[:size])
            await turns()
            client.send(data[size:])
            assert await client.answer() == whole

    assert functions.calls == len(data)


async def test_a_request_may_come_byte_by_byte() -> None:
    async with serving(Functions().served) as served:
        client = await served.client()
        for byte in post(PLAIN):
            client.send(bytes([byte]))
            await turns(2)

        assert b" 200 " in await client.answer()


async def test_requests_that_come_together_are_answered_in_order() -> None:
    async with serving(Functions().served) as served:
        client = await served.client()
        client.send(post(PLAIN) + post(b"\xff") + post(PLAIN) + post(PLAIN, b"/nowhere") + post(PLAIN))
        statuses = [(await client.answer())[9:12] for _ in range(5)]

        assert statuses == [b"200", b"400", b"200", b"404", b"200"]


async def test_pipelined_requests_are_answered_in_order() -> None:
    functions = Functions()
    async with serving(functions.served) as served:
        client = await served.client()
        client.send(post(WAITS) + post(PLAIN))
        await functions.entered.wait()
        client.send(post(b"\xff") + post(b"x" * 200_000))
        await turns()
        assert functions.calls == 1
        functions.go.set()
        statuses = [(await client.answer())[9:12] for _ in range(4)]

    assert statuses == [b"200", b"200", b"400", b"400"]
    assert functions.calls == 2


async def test_a_closed_connection_cancels_the_batch_under_way() -> None:
    functions = Functions()
    async with serving(functions.served) as served:
        client = await served.client()
        client.send(post(WAITS))
        await functions.entered.wait()
        client.close()
        await until(lambda: not len(served.router.in_flight))

    assert functions.cancelled


async def test_a_request_that_does_not_go_on_is_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr("statefun_actors.http.router.BODY_SECONDS", 0.01)
    async with serving(Functions().served) as served:
        client = await served.client()
        client.send(post(PLAIN)[:-1])

        assert b" 408 " in await client.answer()


async def test_a_stop_lets_a_batch_end_and_closes_its_connection_with_the_answer() -> None:
    functions = Functions()
    async with serving(functions.served) as served:
        busy, idle = await served.client(), await served.client()
        idle.send(post(PLAIN))
        await idle.answer()
        busy.send(post(WAITS))
        await functions.entered.wait()
        served.stop.set()
        await turns()
        functions.go.set()
        answer = await busy.answer()

        assert answer.startswith(b"HTTP/1.1 200 \r\n")
        assert b"\r\nconnection: close\r\n" in answer
        assert await busy.closed()
        assert await idle.closed()


async def test_a_batch_that_outlasts_the_stop_is_cancelled_and_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("statefun_actors.http.server.DRAIN_SECONDS", 0.05)
    functions = Functions()
    async with serving(functions.served) as served:
        client = await served.client()
        client.send(post(WAITS))
        await functions.entered.wait()
        served.stop.set()
        answer = await client.answer()

    assert answer.startswith(b"HTTP/1.1 503 \r\n")
    assert answer.endswith(b"the server stops, and cancelled this batch\n")
    assert functions.cancelled


async def test_an_idle_connection_is_closed_and_one_in_use_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("statefun_actors.http.server.IDLE_SECONDS", 0.05)
    functions = Functions()
    async with serving(functions.served) as served:
        idle, busy = await served.client(), await served.client()
        busy.send(post(WAITS))
        idle.send(post(PLAIN))
        await idle.answer()
        assert await idle.closed()
        functions.go.set()

        assert b" 200 " in await busy.answer()


async def test_a_client_that_does_not_read_is_not_read_from() -> None:
    """Responses to it are bounded by the buffers of the sockets."""
    functions = Functions()
    async with serving(functions.served) as served:
        client = await served.client()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        some = post(PLAIN) * 2_000
        before = -1
        while functions.calls != before:
            before = functions.calls
            if client.writer.transport.get_write_buffer_size() < len(some):
                client.send(some)
            await turns(50)
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await client.answer()

    assert functions.calls < 200_000
