"""Requests for a partition whose process ends, hangs or does not run, and its readiness."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from statefun_actors import Address
from statefun_actors.console.forwarded import ForwardedConsole
from statefun_actors.http import (
    Forwarding,
    Guard,
    Peer,
    Request,
    Response,
    line,
)
from statefun_actors.http.ingress.forwarding import ForwardingRoute
from statefun_actors.http.ingress.health import HealthRoutes
from statefun_actors.http.ingress.of_all_partitions import ForwardedHealth
from statefun_actors.http.peers import PendingForward
from statefun_actors.http.peers.frames import FULL, frame
from statefun_actors.partitions import Partition
from tests.partitions.peers import REQUEST, SENT_AGAIN, peer, read_frame, response_of
from tests.partitions.systems import DEADLINE, system
from tests.partitions.test_links import THERE, Cell, until


@pytest.mark.parametrize("answer", [b"", b"\0\0\0", b"\0\0\0\x0f\x91"])
async def test_a_process_that_ends_before_the_whole_response_is_an_error(tmp_path: Path, answer: bytes) -> None:
    """The error says that the message may be stored."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_frame(reader)
        writer.write(answer)
        await writer.drain()

    async with peer(tmp_path, handle) as there:
        assert await response_of(there.forward(REQUEST, b"", DEADLINE)) == SENT_AGAIN


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
            response = await response_of(there.forward(REQUEST, b"", DEADLINE))
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
        pending = [there.forward(REQUEST, body, DEADLINE) for body in bodies]
        await until(lambda: pending[0].asked is None)
        assert pending[-1].asked is not None
        for each in pending[:-1]:
            each.cancel()
        goes_on.set()
        assert await response_of(pending[-1]) == Response(204)
        assert len(sizes) < len(bodies)


def forwarded(there: Peer, longest: float, requests: list[tuple[bytes, bytes]]) -> list[PendingForward]:
    """Requests with these targets and bodies for *there*, which get no answer after *longest* seconds."""
    route = ForwardingRoute(ToOther(), Forwarding(Partition(0, 2), {1: there}, lambda call: call(), longest=longest))
    responses = [route.respond(Request("PUT", target, []), body) for target, body in requests]
    pending = [each for each in responses if isinstance(each, PendingForward)]
    assert len(pending) == len(requests)
    return pending


async def test_requests_to_a_process_that_is_stuck_end_after_their_wait_and_a_timeout(tmp_path: Path) -> None:
    """The process is told to cancel those that it may have read."""
    goes_on, cancelled = asyncio.Event(), list[int]()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await goes_on.wait()
        while True:
            cancelled.extend((await read_frame(reader)).cancelled)

    async with peer(tmp_path, handle) as there:
        small = [(b"/", b""), (b"/?wait=500ms", b""), (b"/?wait=never", b"")]
        pending = forwarded(there, 3_600, [*small, *[(b"/", bytes(4 * FULL))] * 40])
        await until(lambda: pending[2].asked is None)
        assert pending[-1].asked is not None
        for each in pending:
            each.expire()
        found = [await response_of(pending[number]) for number in (0, 1, 2, -1)]
        assert found == [
            silent("3600"), silent("3600.5"), silent("3600"),
            line(
                503,
                "not taken, send it again: partition 1 can't be reached: it read nothing for 3600 s",
                (b"retry-after", b"1"),
            ),
        ]  # fmt: skip
        goes_on.set()
        await until(lambda: {0, 1, 2} <= set(cancelled))


async def test_the_timeout_of_a_process_that_is_stuck_comes_by_itself(tmp_path: Path) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with peer(tmp_path, handle) as there:
        [pending] = forwarded(there, 0.1, [(b"/", b"")])
        response = await response_of(pending)
        assert response is not None
        assert response.status == 503


async def test_a_page_of_the_console_does_not_wait_for_a_process_that_is_stuck(tmp_path: Path) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with peer(tmp_path, handle) as there:
        console = ForwardedConsole(there, Guard(None, local=True), patience=0.1)
        pending = console.respond(Request("GET", b"/console/", []), b"")
        assert isinstance(pending, PendingForward)
        assert await response_of(pending) == line(
            503,
            "partition 1, which makes the pages, did not answer within 0.1 s: look whether a change was made before "
            "you repeat it",
        )


class ToOther:
    """A route whose requests are about an address of the partition 1 of 2."""

    def admit(self, request: Request) -> None:
        """It admits all requests."""

    def address(self, path: bytes) -> Address:
        return Address("test/cell", THERE)

    def respond(self, request: Request, body: bytes) -> Response:
        raise AssertionError("it is not for this partition")


def silent(seconds: str) -> Response:
    """The response if the process did not answer a request that it may have read."""
    return line(
        503,
        f"partition 1 did not answer within {seconds} s; the message may or may not be stored: send it again only "
        "under the same Idempotency-Key",
    )


async def test_a_process_that_does_not_run_has_not_taken_the_message(tmp_path: Path) -> None:
    there = Peer("partition 1", tmp_path / "1.requests")
    expected = line(
        503, "not taken, send it again: partition 1 can't be reached: No such file or directory", (b"retry-after", b"1")
    )
    both = [there.forward(REQUEST, b"", DEADLINE), there.forward(REQUEST, b"", DEADLINE)]
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
