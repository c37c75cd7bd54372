"""Requests that a partition forwards to another process, whatever that does with the connection."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from statefun_actors.http import (
    RefusedError,
    Request,
    Response,
    line,
)
from statefun_actors.http.peers.frames import FULL, FrameReader, Turn, frame
from statefun_actors.http.router import CANCELLED
from tests.partitions.peers import BLOCK, REQUEST, Later, Seen, response_of, serving, written
from tests.partitions.systems import DEADLINE
from tests.partitions.test_links import until

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
            found = await asyncio.gather(*[response_of(there.forward(*each, DEADLINE)) for each in asked])
        assert found == [response for _, response in exchanges]
        assert [(written(request), body) for request, body in route.asked] == [
            (written(request), body) for request, body in asked
        ]

    asyncio.run(exchange())


async def test_headers_are_read_from_the_block_of_the_request(tmp_path: Path) -> None:
    route = Seen(Response(204))
    async with serving(tmp_path, route) as (there, _):
        asked = Request("PUT", b"/", ((b"host", b"x"), (b"x-a", b"b"), (b"content-length", b"0")), ("1", 1), BLOCK)
        assert await response_of(there.forward(asked, b"", DEADLINE)) == Response(204)
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
            pending = there.forward(REQUEST, b"", DEADLINE)
            pending.on_done(lambda response, number=number: found.append((number, response)))  # type: ignore[misc] # a default
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
        cancelled = there.forward(REQUEST, b"", DEADLINE)
        found: list[Response | None] = []
        cancelled.on_done(found.append)
        await until(lambda: route.asked)
        cancelled.cancel()
        cancelled.cancel()
        assert found == [None]
        await until(lambda: pending.cancelled)
        assert (route.asked[0][0].gone, len(router.in_flight)) == (True, 0)
        unsent = there.forward(REQUEST, b"never sent", DEADLINE)
        unsent.cancel()
        assert await response_of(there.forward(REQUEST, b"", DEADLINE)) == Response(204)
    assert (pending.cancelled, [body for _, body in route.asked]) == (1, [b"", b""])


async def test_requests_are_cancelled_when_the_process_that_forwarded_them_ends(tmp_path: Path) -> None:
    pending = Later()
    route = Seen(pending)
    async with serving(tmp_path, route) as (there, _):
        _, writer = await asyncio.open_unix_connection(there.path)
        writer.write(frame(Turn([there.forward(REQUEST, b"", DEADLINE).asked], [])))  # type: ignore[list-item] # it is not sent yet
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
        found = asyncio.create_task(response_of(there.forward(REQUEST, b"", DEADLINE)))
        await until(lambda: len(router.in_flight))
    assert (await found, pending.cancelled) == (CANCELLED, 1)


async def test_an_error_of_a_route_is_a_response(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(tmp_path, Seen(ValueError("a bug"))) as (there, _):
        assert await response_of(there.forward(REQUEST, b"", DEADLINE)) == line(500, "ValueError: a bug")
    assert [record.getMessage() for record in caplog.records] == ["a request failed"]


async def test_a_route_that_does_not_admit_a_request_refuses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    route, refused = Seen(Response(204)), line(405, "it can only be read")

    def admit(request: Request) -> None:
        raise RefusedError(refused)

    monkeypatch.setattr(route, "admit", admit)
    async with serving(tmp_path, route) as (there, _):
        assert await response_of(there.forward(REQUEST, b"", DEADLINE)) == refused
    assert route.asked == []


async def test_what_is_no_frame_closes_the_connection(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(tmp_path, Seen(Response(204))) as (there, _):
        reader, writer = await asyncio.open_unix_connection(there.path)
        writer.write(b"\0\0\0\1\x07")
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(1)
        writer.close()
        assert await response_of(there.forward(REQUEST, b"", DEADLINE)) == Response(204)
    assert [record.getMessage() for record in caplog.records] == [
        "a connection to another partition is closed: Expected `array`, got `int`"
    ]
