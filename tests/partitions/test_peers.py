"""Requests that a partition forwards to another process, whatever that does with the connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from statefun_actors.http import (
    Forwarding,
    Guard,
    OnDone,
    Peer,
    Pending,
    RefusedError,
    Request,
    Response,
    Router,
    line,
    serve_peers,
)
from statefun_actors.http.ingress.health import HealthRoutes
from statefun_actors.http.ingress.of_all_partitions import ForwardedHealth
from statefun_actors.http.peers.frames import FULL, FrameReader, Turn, frame, read_turn
from statefun_actors.http.router import CANCELLED
from statefun_actors.partitions import Partition
from statefun_actors.system import listen_at
from tests.partitions.systems import DEADLINE, system
from tests.partitions.test_links import Cell, until

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

SENT_AGAIN = line(
    503,
    "partition 1 ended before it answered; the message may or may not be stored: send it again only under the same "
    "Idempotency-Key",
)
BLOCK = b"Host: x\r\nX-A:  b \r\ncontent-length: 0"
REQUEST = Request("PUT", b"/ingress/test/cell/1", [(b"host", b"x"), (b"x-a", b"b")])


class Later:
    """A pending response, given by :meth:`give`."""

    def __init__(self) -> None:
        self.cancelled = 0
        self._callback: OnDone | None = None

    def on_done(self, callback: OnDone) -> None:
        self._callback = callback

    def cancel(self) -> None:
        self.cancelled += 1
        self.give(None)

    def give(self, response: Response | None) -> None:
        assert self._callback is not None
        self._callback(response)


class Seen:
    """A route that keeps what it is asked, and responds with *responses* in turn, the last one again."""

    def __init__(self, *responses: Response | Pending | Exception) -> None:
        self._responses = list(responses)
        self.asked: list[tuple[Request, bytes]] = []

    def admit(self, request: Request) -> None:
        """It admits all requests."""

    def respond(self, request: Request, body: bytes) -> Response | Pending:
        self.asked.append((request, body))
        response = self._responses.pop(0) if len(self._responses) > 1 else self._responses[0]
        if isinstance(response, Exception):
            raise response
        return response


@asynccontextmanager
async def serving(folder: Path, route: Seen) -> AsyncGenerator[tuple[Peer, Router]]:
    """A peer that responds by *route*."""
    router, stop = Router(lambda _: None, 1_000_000, otherwise=route), asyncio.Event()
    there = asyncio.create_task(serve_peers(router, listen_at(folder / "1.requests"), stop=stop.wait))
    async with asyncio.timeout(DEADLINE):
        yield Peer("partition 1", folder / "1.requests"), router
        stop.set()
        await there


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

    server = await asyncio.start_unix_server(serve, folder / "1.requests")
    async with asyncio.timeout(DEADLINE):
        yield Peer("partition 1", folder / "1.requests")
    server.close()


async def response_of(pending: Pending) -> Response | None:
    response: asyncio.Future[Response | None] = asyncio.get_running_loop().create_future()
    pending.on_done(response.set_result)
    return await response


async def read_frame(reader: asyncio.StreamReader) -> Turn:
    return read_turn.decode(await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big")))


def written(request: Request) -> tuple[object, ...]:
    return request.method, request.target, request.block, tuple(request.headers), request.client, request.gone


ASKED = st.tuples(
    st.sampled_from(["GET", "POST", "PUT"]),
    st.binary(max_size=20).map(lambda tail: b"/" + tail.hex().encode()),
    st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=9)), max_size=3),
    st.binary(max_size=50) | st.just(bytes(3 * FULL)),
)
RESPONSES = st.builds(
    Response,
    status=st.integers(200, 599),
    body=st.binary(max_size=50) | st.just(bytes(2 * FULL)),
    content_type=st.none() | st.binary(max_size=9),
    headers=st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=9)), max_size=3).map(tuple),
)


@settings(max_examples=20)  # each of them starts a server
@given(st.lists(st.tuples(ASKED, RESPONSES), min_size=1, max_size=8))
def test_request_and_response_arrive_as_they_are(
    tmp_path_factory: pytest.TempPathFactory,
    exchanges: list[tuple[tuple[str, bytes, list[tuple[bytes, bytes]], bytes], Response]],
) -> None:
    async def exchange() -> None:
        route = Seen(*[response for _, response in exchanges])
        async with serving(tmp_path_factory.mktemp("peer"), route) as (there, _):
            asked = [(Request(method, target, headers), body) for (method, target, headers, body), _ in exchanges]
            found = await asyncio.gather(*[response_of(there.forward(*each)) for each in asked])
        assert found == [response for _, response in exchanges]
        assert [(written(request), body) for request, body in route.asked] == [
            (written(request), body) for request, body in asked
        ]

    asyncio.run(exchange())


async def test_headers_are_read_from_the_block_of_the_request(tmp_path: Path) -> None:
    route = Seen(Response(204))
    async with serving(tmp_path, route) as (there, _):
        asked = Request("PUT", b"/", ((b"host", b"x"), (b"x-a", b"b"), (b"content-length", b"0")), ("1", 1), BLOCK)
        assert await response_of(there.forward(asked, b"")) == Response(204)
    [(request, _)] = route.asked
    assert written(request) == ("PUT", b"/", BLOCK, asked.headers, None, False)


@given(st.lists(st.binary(max_size=40), max_size=6), st.data())
def test_frames_are_read_in_any_pieces(contents: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(len(each).to_bytes(4, "big") + each for each in contents)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=10)))
    reader, found = FrameReader(), list[bytes]()
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        found += map(bytes, reader.bodies(whole[start:end]))
    assert found == contents


async def test_responses_come_in_the_order_in_which_they_are_ready(tmp_path: Path) -> None:
    first, second = Later(), Later()
    route = Seen(first, second, Response(202))
    async with serving(tmp_path, route) as (there, _):
        found: list[tuple[int, Response | None]] = []
        for number in range(3):
            there.forward(REQUEST, b"").on_done(lambda response, number=number: found.append((number, response)))  # type: ignore[misc] # a default
        await until(lambda: found)
        second.give(Response(200))
        await until(lambda: len(found) == 2)
        first.give(None)
        await until(lambda: len(found) == 3)
    assert found == [(2, Response(202)), (1, Response(200)), (0, None)]


async def test_a_cancelled_request_is_cancelled_there(tmp_path: Path) -> None:
    pending = Later()
    route = Seen(pending, Response(204))
    async with serving(tmp_path, route) as (there, router):
        cancelled = there.forward(REQUEST, b"")
        found: list[Response | None] = []
        cancelled.on_done(found.append)
        await until(lambda: route.asked)
        cancelled.cancel()
        cancelled.cancel()
        assert found == [None]
        await until(lambda: pending.cancelled)
        assert (route.asked[0][0].gone, len(router.in_flight)) == (True, 0)
        unsent = there.forward(REQUEST, b"never sent")
        unsent.cancel()
        assert await response_of(there.forward(REQUEST, b"")) == Response(204)
    assert (pending.cancelled, [body for _, body in route.asked]) == (1, [b"", b""])


async def test_requests_are_cancelled_when_the_process_that_forwarded_them_ends(tmp_path: Path) -> None:
    pending = Later()
    route = Seen(pending)
    async with serving(tmp_path, route) as (there, _):
        _, writer = await asyncio.open_unix_connection(there.path)
        writer.write(frame(Turn([there.forward(REQUEST, b"").asked], [])))  # type: ignore[list-item] # it is not sent yet
        await until(lambda: route.asked)
        writer.close()
        await until(lambda: pending.cancelled)
    assert route.asked[0][0].gone


async def test_a_request_that_is_cancelled_by_a_stop_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("statefun_actors.http.server.DRAIN_SECONDS", 0.05)
    pending = Later()
    route = Seen(pending)
    async with serving(tmp_path, route) as (there, router):
        found = asyncio.create_task(response_of(there.forward(REQUEST, b"")))
        await until(lambda: len(router.in_flight))
    assert (await found, pending.cancelled) == (CANCELLED, 1)


async def test_an_error_of_a_route_is_a_response(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(tmp_path, Seen(ValueError("a bug"))) as (there, _):
        assert await response_of(there.forward(REQUEST, b"")) == line(500, "ValueError: a bug")
    assert [record.getMessage() for record in caplog.records] == ["a request failed"]


async def test_a_route_that_does_not_admit_a_request_refuses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    route, refused = Seen(Response(204)), line(405, "it can only be read")

    def admit(request: Request) -> None:
        raise RefusedError(refused)

    monkeypatch.setattr(route, "admit", admit)
    async with serving(tmp_path, route) as (there, _):
        assert await response_of(there.forward(REQUEST, b"")) == refused
    assert route.asked == []


async def test_what_is_no_frame_closes_the_connection(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(tmp_path, Seen(Response(204))) as (there, _):
        reader, writer = await asyncio.open_unix_connection(there.path)
        writer.write(b"\0\0\0\1\x07")
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(1)
        writer.close()
        assert await response_of(there.forward(REQUEST, b"")) == Response(204)
    assert [record.getMessage() for record in caplog.records] == [
        "a connection to another partition is closed: Expected `array`, got `int`"
    ]


@pytest.mark.parametrize("answer", [b"", b"\0\0\0", b"\0\0\0\x0f\x91"])
async def test_a_process_that_ends_before_the_whole_response_is_an_error(tmp_path: Path, answer: bytes) -> None:
    """The error says that the message may be stored."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_frame(reader)
        writer.write(answer)
        await writer.drain()

    async with peer(tmp_path, handle) as there:
        assert await response_of(there.forward(REQUEST, b"")) == SENT_AGAIN


async def test_a_connection_that_was_lost_is_made_again(tmp_path: Path) -> None:
    connections = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(2):
            [asked] = (await read_frame(reader)).asked
            writer.write(frame([(asked.number, Response(200, b"%d" % connections))]))
            await writer.drain()

    async with peer(tmp_path, handle) as there:
        found: list[bytes] = []
        while len(found) < 4:
            response = await response_of(there.forward(REQUEST, b""))
            if response != SENT_AGAIN:  # the connection was just closed
                assert response is not None
                found.append(response.body)
    assert found == [b"1", b"1", b"2", b"2"]


async def test_requests_wait_while_the_process_does_not_read(tmp_path: Path) -> None:
    """So one that is cancelled meanwhile takes no memory."""
    goes_on, sizes = asyncio.Event(), list[int]()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await goes_on.wait()
        while True:
            for asked in (await read_frame(reader)).asked:
                sizes.append(len(asked.body))
                writer.write(frame([(asked.number, Response(204))]))

    async with peer(tmp_path, handle) as there:
        bodies = [bytes(4 * FULL)] * 40
        pending = [there.forward(REQUEST, body) for body in bodies]
        await until(lambda: pending[0].asked is None)
        assert pending[-1].asked is not None
        for each in pending[:-1]:
            each.cancel()
        goes_on.set()
        assert await response_of(pending[-1]) == Response(204)
        assert len(sizes) < len(bodies)


async def test_a_process_that_does_not_run_has_not_taken_the_message(tmp_path: Path) -> None:
    there = Peer("partition 1", tmp_path / "1.requests")
    expected = line(
        503, "not taken, send it again: partition 1 can't be reached: No such file or directory", (b"retry-after", b"1")
    )
    both = [there.forward(REQUEST, b""), there.forward(REQUEST, b"")]
    assert [await response_of(pending) for pending in both] == [expected, expected]


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
    there = Peer("partition 1", tmp_path / "1.requests")
    assert await readiness(tmp_path, there) == line(
        503, "not ready: partition 1: can't be reached: No such file or directory"
    )


async def test_a_partition_that_ends_is_not_ready(tmp_path: Path) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_frame(reader)

    async with peer(tmp_path, handle) as there:
        assert await readiness(tmp_path, there) == line(503, "not ready: partition 1: ended before it answered")
