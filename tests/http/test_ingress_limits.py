"""A producer that is faster than the handlers, or than the store: memory stays bounded, and nothing taken is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import ClassVar

from statefun_actors import Entity, Settings, handles, persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, EngineOptions
from statefun_actors.http import Guard, create_ingress_app, listen, serve
from statefun_actors.store import MemoryStore
from tests.engine.engines import DEADLINE, HeldStore, held, running, until

HELD = 50
SENT = 500
TAKEN = 38 + 75
"""Of one class: three quarters of HELD run, and messages for as many of twice HELD entities wait in the store."""


class Slow(Entity, typename="test/slow"):
    open: ClassVar[asyncio.Event]
    n: int = persisted(default=0)

    @handles(int)
    async def add(self, message: int) -> None:
        await Slow.open.wait()
        self.n += message


@asynccontextmanager
async def serving(store: MemoryStore, body_limit: int = 1_000_000) -> AsyncGenerator[tuple[Engine, tuple[str, int]]]:
    listener = listen("127.0.0.1:0")
    stop = asyncio.Event()
    async with running(Slow, store=store, options=EngineOptions(held=HELD)) as engine:
        application = Application(Slow, settings=Settings(body_limit=body_limit))
        app = create_ingress_app(application, engine, Guard())
        address = listener.sockets[0].getsockname()
        task = asyncio.create_task(serve(app, listener.sockets, stop=stop.wait))
        try:
            yield engine, address
        finally:
            stop.set()
            await asyncio.wait_for(task, DEADLINE)


async def test_while_the_store_fails_nothing_is_taken_and_afterwards_it_is() -> None:
    Slow.open = asyncio.Event()
    Slow.open.set()
    store = HeldStore()
    async with serving(store) as (engine, address), asyncio.timeout(DEADLINE):
        store.fail = True
        failed, while_lost = await send_all(address, 2)
        store.fail = False
        await until(lambda: engine.view.lost is None)
        ((status, _),) = await send_all(address, 1)

    assert [failed[0], while_lost[0], status] == [b"503", b"503", b"202"]
    assert b"\r\nretry-after: 1\r\n" in failed[1]


async def test_a_request_that_waits_for_a_stored_message_gets_503_when_the_store_fails() -> None:
    Slow.open = asyncio.Event()
    store = HeldStore()
    async with serving(store) as (engine, address), asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(
            b"PUT /ingress/test/slow/stored?wait=1m HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Connection: close\r\nContent-Length: 1\r\n\r\n1"
        )
        await until(lambda: store.counts()["messages"])
        store.fail = True
        await send_all(address, 1)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        store.fail = False
        Slow.open.set()
        await until(lambda: engine.view.lost is None)
        await engine.idle()

    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after" not in head.lower()
    assert body == (
        b"the message is stored, and will be handled; only its answer is lost: send it again only under the same "
        b"Idempotency-Key: store test: the disk is full\n"
    )
    assert store.counts()["messages"] == 0


async def test_large_bodies_that_arrive_at_the_same_time_are_bounded() -> None:
    Slow.open = asyncio.Event()
    Slow.open.set()
    async with serving(MemoryStore(), body_limit=500_000) as (_, address), asyncio.timeout(DEADLINE):
        head = (
            b"PUT /ingress/test/slow/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 500000\r\n\r\n"
        )
        connections = [await asyncio.open_connection(*address) for _ in range(6)]
        for _, writer in connections:
            writer.write(head + b" " * 450_000)
        answered = [asyncio.create_task(reader.readuntil(b"\r\n\r\n")) for reader, _ in connections]
        await until(lambda: any(task.done() for task in answered))
        for (_, writer), task in zip(connections, answered, strict=True):
            if not task.done():
                writer.write(b" " * 49_999 + b"1")
        statuses = sorted([(await task)[9:12] for task in answered])
        for _, writer in connections:
            writer.close()
        ((after, _),) = await send_all(address, 1)

    assert set(statuses) == {b"202", b"503"}
    assert statuses.count(b"202") >= 4
    assert after == b"202"


async def send_all(address: tuple[str, int], count: int) -> list[tuple[bytes, bytes]]:
    """Statuses and heads of the answers to *count* requests in a row, each to an id of its own."""
    reader, writer = await asyncio.open_connection(*address)
    answers = []
    for number in range(count):
        writer.write(
            b"PUT /ingress/test/slow/%d HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1\r\n\r\n1" % number
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        await reader.readexactly(length)
        answers.append((head[9:12], head))
    writer.close()
    return answers


async def test_messages_beyond_the_limit_are_refused_and_accepted_ones_are_handled() -> None:
    Slow.open = asyncio.Event()
    store = MemoryStore()
    async with serving(store) as (engine, address), asyncio.timeout(DEADLINE):
        answers = await send_all(address, SENT)
        waiting = engine.view.waiting
        Slow.open.set()
        await engine.idle()
        taken = [number for number, (status, _) in enumerate(answers) if status == b"202"]
        handled = [number for number in range(SENT) if held(engine, Slow.at(str(number)), "n") == 1]
        after = await send_all(address, 1)

    refused = [head for status, head in answers if status == b"503"]
    assert (len(taken), len(refused), waiting) == (TAKEN, SENT - TAKEN, TAKEN)
    assert all(b"\r\nretry-after: 1\r\n" in head for head in refused)
    assert handled == taken
    assert after[0][0] == b"202"
