"""A client that sends many requests at once, beside others."""

from __future__ import annotations

import asyncio

from statefun_actors.http import Request, Response, Router, line, listen, serve

REQUESTS = 3_000
ONE = b"POST /x HTTP/1.1\r\nhost: here\r\ncontent-length: 1\r\n\r\n1"


class Counting:
    """A route that counts its requests."""

    def __init__(self) -> None:
        self.count = 0

    def admit(self, request: Request) -> None:
        """It admits all requests."""

    def respond(self, request: Request, body: bytes) -> Response:
        self.count += 1
        return line(200, str(self.count))


async def test_others_have_their_turn_between_requests_that_come_at_once() -> None:
    """All are answered, in order."""
    listener, stop, route = listen("127.0.0.1:0"), asyncio.Event(), Counting()
    router = Router(lambda _: route, 1_000, otherwise=route)
    serving = asyncio.create_task(serve(router, listener.sockets, stop=stop.wait, own_loop=False))
    host, _, port = listener.name.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 24)
    writer.write(ONE * REQUESTS)
    most = before = 0
    reading = asyncio.create_task(reader.readuntil(b"\n%d\n" % REQUESTS))
    while not reading.done():
        await asyncio.sleep(0)
        most, before = max(most, route.count - before), route.count
    numbers = [int(each) for each in (await reading).split(b"\n") if each.isdigit()]
    assert numbers == list(range(1, REQUESTS + 1))
    assert most <= 64
    writer.close()
    stop.set()
    await serving
