"""Health checks of the ingress: whether it is ready, and which messages keep failing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from statefun_actors import Entity, handles
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine
from statefun_actors.http import Guard, create_ingress_app, listen, serve
from statefun_actors.store import MemoryStore
from tests.engine.engines import DEADLINE, HeldStore, running, until
from tests.engine.refusing import RefusingStore


class Failing(Entity, typename="test/failing"):
    @handles(int)
    def fail(self, message: int) -> None:
        raise ValueError(f"no {message}")

    @handles(str)
    def emit(self, message: str) -> None:
        self.send_egress("test/out", message * 2)


class Server:
    def __init__(self, engine: Engine, port: int) -> None:
        self.engine, self._port = engine, port

    async def ask(self, request: str, body: str = "", *headers: str) -> tuple[int, str]:
        """The status and the text of the answer to ``GET /path``."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        head = [f"{request} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
        writer.write("\r\n".join([*head, f"Content-Length: {len(body)}", "Connection: close", "", body]).encode())
        answer = (await reader.read()).decode()
        writer.close()
        return int(answer.split(" ")[1]), answer.partition("\r\n\r\n")[2]


@asynccontextmanager
async def serving(store: MemoryStore, guard: Guard) -> AsyncGenerator[Server]:
    listener, stop = listen("127.0.0.1:0"), asyncio.Event()
    async with running(Failing, store=store) as engine:
        app = create_ingress_app(Application(Failing), engine, guard)
        task = asyncio.create_task(serve(app, listener.sockets, stop=stop.wait))
        try:
            async with asyncio.timeout(DEADLINE):
                yield Server(engine, listener.sockets[0].getsockname()[1])
        finally:
            stop.set()
            await asyncio.wait_for(task, DEADLINE)


async def test_it_is_not_ready_while_the_store_fails() -> None:
    store = HeldStore()
    async with serving(store, Guard()) as server:
        before = await server.ask("GET /readyz")
        store.fail = True
        refused = await server.ask("POST /ingress/test/failing/a?type=io.statefun.types/long", "1")
        during = await server.ask("GET /readyz")
        store.fail = False
        await until(lambda: server.engine.view.error is None)
        after = await server.ask("GET /readyz")

        assert before == after == (200, "ready\n")
        assert refused == (503, "not taken, send it again: store test: the disk is full\n")
        assert during == (503, "not ready: store test: the disk is full\n")


async def test_a_message_that_the_store_refuses_is_answered_with_the_reason() -> None:
    async with serving(RefusingStore(("egress",)), Guard()) as server:
        answers = await asyncio.gather(
            server.ask("POST /ingress/test/failing/a?type=io.statefun.types/string&wait=5s", '"fine"'),
            server.ask("POST /ingress/test/failing/b?type=io.statefun.types/string&wait=5s", '"poison"'),
        )

        assert answers[0] == (204, "")
        assert answers[1] == (
            422,
            "NotStorableError: the store refuses this message, or a value that its handler wrote or sent: store test: "
            "there is poison in egress. A retry can't help: change the handler or the sender.\n",
        )


async def test_a_paused_entity_is_named_where_somebody_waits_and_in_the_details() -> None:
    async with serving(MemoryStore(), Guard()) as server:
        engine = server.engine
        await engine.apply(lambda: engine.changes.pause(["test/failing"]))
        waited = await server.ask("POST /ingress/test/failing/a?type=io.statefun.types/long&wait=50ms", "7")
        ready, details = await server.ask("GET /readyz"), await server.ask("GET /readyz?verbose")

        assert waited == (
            504,
            "no answer within 0.05 s; the message stays delivered: test/failing is paused since 2026-01-01T00:00:00Z; "
            "its messages wait until it is resumed\n",
        )
        assert ready == (200, "ready\n")
        assert details == (
            200,
            "ready\ntest/failing is paused since 2026-01-01T00:00:00Z; messages waiting: 1\n",
        )


async def test_a_message_that_keeps_failing_is_named_where_somebody_waits_and_in_the_details() -> None:
    async with serving(MemoryStore(), Guard(token="t")) as server:
        token = "Authorization: Bearer t"
        path = "POST /ingress/test/failing/a?type=io.statefun.types/long"
        waited = await server.ask(f"{path}&wait=50ms", "7", token)
        await server.ask(path, "8", token)
        ready = await server.ask("GET /readyz")
        unknown = await server.ask("GET /readyz?verbose")
        verbose = await server.ask("GET /readyz?verbose", "", token)

        failed = (
            "the first message of test/failing/a has failed once, last with ValueError: no 7; next attempt in 0.1 s"
        )
        assert waited == (504, f"no answer within 0.05 s; the message stays delivered: {failed}\n")
        assert ready == (200, "ready\n")
        assert unknown[0] == 401
        assert verbose == (200, f"ready\n{failed}; 1 more wait behind it\n")
