"""RequestReplyHandler inside the frameworks that people use, and by itself."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from statefun_actors import (
    Address,
    Context,
    Entity,
    HandlerExitError,
    RequestReplyHandler,
    StatefulFunctions,
    create_app,
    handles,
    persisted,
)
from statefun_actors.types import pack
from statefun_actors.wire import v3_pb2
from tests.http.serving import request

OCTETS = "application/octet-stream"
functions = StatefulFunctions()


@functions.bind("test/double", states={"seen": int})
async def double(context: Context, message: int) -> None:
    """Async, and it suspends."""
    await asyncio.sleep(0)
    context["seen"] = (context["seen"] or 0) + 1
    context.pack_and_reply(2 * message)


class Counter(Entity, typename="test/counter"):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> int:
        self.n += message
        return self.n


handler = RequestReplyHandler(functions, Counter)
BODIES: dict[str, bytes] = {
    "test/counter": request(Address("test/counter", "a"), 4, state={"n": pack(3)}, caller=Address("x/y", "z")),
    "test/double": request(Address("test/double", "a"), 4, state={"seen": None}, caller=Address("x/y", "z")),
}
REPLIES = {"test/counter": 7, "test/double": 8}


def check(typename: str, reply: bytes) -> None:
    [message] = v3_pb2.FromFunction.FromString(reply).invocation_result.outgoing_messages
    assert (message.target.namespace, message.target.type, message.target.id) == ("x", "y", "z")
    assert message.argument.value == pack(REPLIES[typename]).value


@pytest.mark.parametrize("typename", BODIES)
def test_called_from_a_thread_without_a_loop(typename: str) -> None:
    check(typename, handler(BODIES[typename]))


@pytest.mark.parametrize("typename", BODIES)
async def test_awaited(typename: str) -> None:
    check(typename, await handler.handle(BODIES[typename]))


async def test_called_inside_a_running_loop_it_says_what_to_write() -> None:
    with pytest.raises(RuntimeError) as raised:
        handler(BODIES["test/counter"])

    assert str(raised.value) == (
        "handler(data) was called inside a running event loop; write `await handler.handle(data)`"
    )


@pytest.mark.parametrize("typename", BODIES)
def test_in_flask(typename: str) -> None:
    from flask import Flask, Response
    from flask import request as received

    app = Flask(__name__)

    @app.post("/statefun")
    def statefun() -> Response:
        return Response(handler(received.data), mimetype=OCTETS)

    check(typename, app.test_client().post("/statefun", data=BODIES[typename], content_type=OCTETS).data)


@pytest.mark.parametrize("typename", BODIES)
async def test_in_fastapi(typename: str) -> None:
    from fastapi import FastAPI, Request, Response

    app = FastAPI()

    async def statefun(received: Any) -> Response:
        return Response(await handler.handle(await received.body()), media_type=OCTETS)

    statefun.__annotations__["received"] = Request
    app.post("/statefun")(statefun)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        check(typename, (await client.post("/statefun", content=BODIES[typename])).content)


@pytest.mark.parametrize("typename", BODIES)
async def test_in_aiohttp(typename: str) -> None:
    from aiohttp import ClientSession, web

    async def statefun(received: web.Request) -> web.Response:
        return web.Response(body=await handler.handle(await received.read()), content_type=OCTETS)

    app = web.Application()
    app.router.add_post("/statefun", statefun)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        async with ClientSession() as session, session.post(
            f"http://{host}:{port}/statefun", data=BODIES[typename]
        ) as response:  # fmt: skip
            check(typename, await response.read())
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("typename", BODIES)
async def test_in_quart(typename: str) -> None:
    from quart import Quart, Response
    from quart import request as received

    app = Quart(__name__)

    @app.post("/statefun")
    async def statefun() -> Response:
        data = await received.get_data(as_text=False)
        assert isinstance(data, bytes)
        return Response(await handler.handle(data), mimetype=OCTETS)

    response = await app.test_client().post("/statefun", data=BODIES[typename])
    check(typename, await response.get_data(as_text=False))


@pytest.mark.parametrize("typename", BODIES)
async def test_create_app_is_a_quart_app_to_which_routes_can_be_added(typename: str) -> None:
    app = create_app(functions, Counter, retry_budget=1)

    @app.get("/own")
    async def own() -> str:
        return "mine"

    client = app.test_client()
    response = await client.post("/statefun", data=BODIES[typename])
    check(typename, await response.get_data(as_text=False))
    assert await (await client.get("/own")).get_data() == b"mine"


async def test_a_batch_that_was_cancelled_has_ended_before_the_next_of_its_address() -> None:
    steps: list[str] = []
    entered, go = asyncio.Event(), asyncio.Event()
    slow = StatefulFunctions()

    @slow.bind("test/slow")
    async def work(context: Context, message: int) -> None:
        steps.append(f"begin {message}")
        entered.set()
        try:
            await go.wait()
        finally:
            await asyncio.sleep(0)
            steps.append(f"end {message}")

    endpoint = RequestReplyHandler(slow)
    first = asyncio.create_task(endpoint.handle(request(Address("test/slow", "a"), 1)))
    await entered.wait()
    second = asyncio.create_task(endpoint.handle(request(Address("test/slow", "a"), 2)))
    await asyncio.sleep(0)
    first.cancel()
    go.set()
    await asyncio.wait([first, second])

    assert first.cancelled()
    assert steps == ["begin 1", "end 1", "begin 2", "end 2"]


class Canceller(Entity, typename="test/canceller"):
    n: int = persisted(default=0)

    @handles(int)
    def cancel_caller(self, message: int) -> None:
        self.n += message
        task = asyncio.current_task()
        assert task is not None
        for _ in range(message):
            task.cancel()


async def test_a_plain_handler_that_cancels_the_current_task_fails_its_batch_only() -> None:
    endpoint = RequestReplyHandler(Canceller)

    for message in (1, 2):
        with pytest.raises(HandlerExitError) as raised:
            await endpoint.handle(request(Address("test/canceller", "a"), message, state={"n": None}))
        await asyncio.sleep(0)  # not cancelled

        assert str(raised.value) == (
            "Canceller.cancel_caller raised CancelledError() (its task, or one that it awaited, was cancelled); "
            "a handler can't stop the process. Raise TerminalError to give up."
        )
    current = asyncio.current_task()
    assert current is not None
    assert current.cancelling() == 0
    assert await endpoint.handle(request(Address("test/canceller", "a"), 0, state={"n": None}))


async def test_a_cancellation_by_other_code_next_to_that_of_a_handler_goes_on() -> None:
    endpoint = RequestReplyHandler(Canceller)
    batch = request(Address("test/canceller", "a"), 1, state={"n": None})
    task = asyncio.create_task(endpoint.handle(batch))
    asyncio.get_running_loop().call_soon(task.cancel)  # after its first step, which runs the handler
    await asyncio.wait([task])

    assert task.cancelled()
