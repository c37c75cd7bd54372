"""The endpoint as an ASGI app, where the test chooses the order of events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from quart import Quart

from statefun_actors import Address, Context, StatefulFunctions, create_app
from statefun_actors.http import router as room
from statefun_actors.http.endpoint import EndpointRoute
from statefun_actors.http.router import Router
from tests.http.serving import DEADLINE, request

TARGET = Address("test/fn", "a")


class Client:
    """One request, whose events are put in by hand and whose answer is collected."""

    def __init__(self, app: Quart | Router, method: str = "POST", path: str = "/statefun", **scope: Any) -> None:
        self._app = app
        self._scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "headers": [],
            "root_path": "",
            "query_string": b"",
            **scope,
        }
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []

    def body(self, data: bytes, *, more: bool = False) -> Client:
        self._events.put_nowait({"type": "http.request", "body": data, "more_body": more})
        return self

    def leave(self) -> Client:
        self._events.put_nowait({"type": "http.disconnect"})
        return self

    def start(self) -> asyncio.Task[None]:
        async def send(event: dict[str, Any]) -> None:
            self.sent.append(event)

        return asyncio.create_task(self._app(self._scope, self._events.get, send))  # type: ignore[arg-type]

    async def ask(self) -> tuple[int, bytes]:
        async with asyncio.timeout(DEADLINE):
            await self.start()
        return self.answer

    @property
    def answer(self) -> tuple[int, bytes]:
        assert not self.sent[-1].get("more_body")
        return self.sent[0]["status"], b"".join(event["body"] for event in self.sent[1:])


class Waiting:
    """A function that waits to be let go, and can be made to mind a cancellation or not."""

    def __init__(self, on_cancel: Callable[[], None] = lambda: None) -> None:
        self.functions = StatefulFunctions()
        self.entered, self.go = asyncio.Event(), asyncio.Event()
        self.cancelled = False

        @self.functions.bind("test/fn")
        async def wait(context: Context, message: int) -> None:
            self.entered.set()
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.cancelled = True
                on_cancel()
                raise


def endpoint_of(app: Quart) -> Router:
    assert isinstance(app.asgi_app, Router)
    return app.asgi_app


async def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "BODY_SECONDS", 0.01)
    monkeypatch.setattr(room, "DISCARD_SECONDS", 0.01)
    client = Client(create_app(StatefulFunctions())).body(b"half", more=True)

    assert await client.ask() == (408, b"the body did not arrive within 0.01 s\n")


async def test_a_whole_body_that_is_too_large_is_refused_without_waiting_for_more_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "DISCARD_SECONDS", 10 * DEADLINE)
    status, _ = await Client(create_app(StatefulFunctions(), body_limit=10)).body(b"x" * 11).ask()

    assert status == 413


async def test_a_client_that_leaves_before_its_body_gets_no_answer() -> None:
    client = Client(create_app(StatefulFunctions())).body(b"half", more=True).leave()
    await client.start()

    assert client.sent == []


async def test_a_closed_connection_cancels_the_handler_and_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    waiting = Waiting()
    app = create_app(waiting.functions)
    client = Client(app).body(request(TARGET, 1))
    task = client.start()
    await waiting.entered.wait()
    client.leave()
    await task

    assert (waiting.cancelled, client.sent, task.cancelled()) == (True, [], False)
    assert [record.getMessage() for record in caplog.records] == [
        "test/fn/a: the connection was closed, and its batch was cancelled"
    ]
    assert len(endpoint_of(app).in_flight) == 0


async def test_a_handler_that_answers_a_cancellation_with_an_error_is_no_failure_either() -> None:
    def fail() -> None:
        raise ValueError("I was not done")

    waiting = Waiting(fail)
    client = Client(create_app(waiting.functions)).body(request(TARGET, 1))
    task = client.start()
    await waiting.entered.wait()
    client.leave()
    await task

    assert client.sent == []
    assert task.cancelling() == 0


async def test_a_handler_that_ignores_a_cancellation_ends_without_an_answer() -> None:
    functions, entered, go = StatefulFunctions(), asyncio.Event(), asyncio.Event()

    @functions.bind("test/fn")
    async def stubborn(context: Context, message: int) -> None:
        entered.set()
        try:
            await go.wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)

    client = Client(create_app(functions)).body(request(TARGET, 1))
    task = client.start()
    await entered.wait()
    client.leave()
    await task

    assert client.sent == []
    assert task.cancelling() == 0


async def test_a_client_that_leaves_when_the_handler_ends_is_not_answered() -> None:
    waiting = Waiting()
    client = Client(create_app(waiting.functions)).body(request(TARGET, 1))
    task = client.start()
    await waiting.entered.wait()
    client.leave()
    waiting.go.set()
    await task

    assert client.sent == [] or client.answer[0] == 200
    assert task.cancelling() == 0


async def test_a_batch_that_the_stopping_server_cancels_is_answered_at_once() -> None:
    waiting = Waiting()
    app = create_app(waiting.functions)
    client = Client(app).body(request(TARGET, 1))
    task = client.start()
    await waiting.entered.wait()
    endpoint_of(app).stopping = True
    task.cancel()
    async with asyncio.timeout(DEADLINE):
        await task

    assert client.answer == (503, b"the server stops, and cancelled this batch\n")
    assert (b"connection", b"close") in client.sent[0]["headers"]


async def test_a_cancellation_by_anybody_else_goes_on_upwards() -> None:
    waiting = Waiting()
    client = Client(create_app(waiting.functions)).body(request(TARGET, 1))
    task = client.start()
    await waiting.entered.wait()
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert client.sent == []


async def test_a_handler_that_raises_cancelled_error_or_leaves_fails_its_batch_alone() -> None:
    functions = StatefulFunctions()

    @functions.bind("test/fn")
    async def leaving(context: Context, message: int) -> None:
        await asyncio.sleep(0)
        raise (asyncio.CancelledError if message else SystemExit)(message)

    app = create_app(functions)
    for number in (0, 1):
        status, text = await Client(app).body(request(TARGET, number)).ask()
        assert (status, text.startswith(b"HandlerExitError: ")) == (500, True)


async def test_a_fault_of_our_own_is_a_500_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(StatefulFunctions())

    def broken(_: bytes) -> None:
        raise KeyError("oops")

    route = endpoint_of(app).route("/statefun")
    assert isinstance(route, EndpointRoute)
    monkeypatch.setattr(route.handler, "read", broken)

    assert await Client(app).body(b"x").ask() == (500, b"KeyError: 'oops'\n")
    assert caplog.records[0].exc_info


@pytest.mark.parametrize(
    ("path", "root_path"), [("/statefun", ""), ("/functions/statefun", "/functions"), ("/statefun", "/functions")]
)
async def test_it_can_be_mounted_below_a_path(path: str, root_path: str) -> None:
    app = create_app(StatefulFunctions())
    status, text = await Client(app, path=path, root_path=root_path).body(b"").ask()

    assert (status, b"not a request of protocol 3.x" in text) == (400, True)


async def test_over_http_2_no_connection_header_is_sent() -> None:
    client = Client(create_app(StatefulFunctions()), method="GET", http_version="2").body(b"")
    status, _ = await client.ask()

    assert status == 405
    assert b"connection" not in dict(client.sent[0]["headers"])
