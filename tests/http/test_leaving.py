"""Handlers that try to leave, behind HTTP: each request is answered, and the next one is, too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from statefun_actors import (
    Address,
    Discard,
    Entity,
    HandlerExitError,
    RequestReplyHandler,
    TypedValue,
    handles,
    persisted,
)
from statefun_actors.http import create_app
from tests.http.serving import Server, request, serving
from tests.http.test_endpoint import Client

APP = """
import asyncio
import sys
from statefun_actors import Discard, Entity, handles, persisted

KEPT = []


class Job(Entity, typename="test/job"):
    n: int = persisted(default=0)

    @handles(str)
    async def run(self, message: str) -> int:
        task = asyncio.current_task()
        KEPT.append(task)
        self.n += 1
        if message.endswith("later"):
            await asyncio.sleep(0)
        match message.split()[0]:
            case "exit":
                sys.exit(3)
            case "interrupt":
                raise KeyboardInterrupt
            case "generator":
                raise GeneratorExit
            case "cancel":
                task.cancel()
                await asyncio.sleep(0)
            case "return":
                task.cancel()
            case "others":
                for kept in KEPT:
                    kept.cancel()
        return self.n


class Careful(Job, typename="test/careful", on_failure=Discard()):
    pass


class Plain(Entity, typename="test/plain"):
    @handles(str)
    def run(self, message: str) -> None:
        if (task := asyncio.current_task()) is not None:
            task.cancel()
"""
WAYS = [
    f"{way}{when}"
    for way in ("exit", "interrupt", "generator", "cancel", "return", "others")
    for when in ("", " later")
]
STATE: dict[str, TypedValue | None] = {"n": None}


@pytest.fixture(scope="module", params=[(), ("--workers", "2")], ids=["one process", "workers"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    app = tmp_path_factory.mktemp("leaving") / "app.py"
    app.write_text(APP)
    with serving(app, *request.param) as running:
        yield running


def test_each_way_to_leave_is_answered_with_500_and_the_next_request_is_answered(server: Server) -> None:
    for way in WAYS:
        status, body = server.post(request(Address("test/job", way), way, state=STATE))
        assert (way, status, body.partition(b" raised ")[0]) == (way, 500, b"HandlerExitError: Job.run"), body
        assert server.post(request(Address("test/job", way), "work", state=STATE))[0] == 200


def test_under_a_policy_the_rest_of_the_batch_goes_on(server: Server) -> None:
    for way in WAYS:
        assert server.post(request(Address("test/careful", way), "work", way, "work", state=STATE))[0] == 200


def test_a_plain_handler_has_no_task_to_cancel(server: Server) -> None:
    for _ in range(2):
        assert server.post(request(Address("test/plain", "a"), "go"))[0] == 200


class Own(Entity, typename="test/own"):
    n: int = persisted(default=0)

    @handles(int)
    async def wait(self, message: int) -> None:
        await asyncio.sleep(0)
        self.cancel_task()

    @handles(bool)
    async def at_once(self, message: bool) -> None:
        self.cancel_task()
        await asyncio.sleep(0)

    def cancel_task(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()


class Plain(Entity, typename="test/plain"):
    @handles(int)
    def cancel_task(self, message: int) -> None:
        if (task := asyncio.current_task()) is not None:
            task.cancel()


@pytest.mark.parametrize("message", [1, True])
async def test_any_other_server_answers_too(message: object) -> None:
    client = Client(create_app(Own)).body(request(Address("test/own", "a"), message, state=STATE))

    status, text = await client.ask()

    assert (status, text.partition(b" raised ")[0].partition(b".")[0]) == (500, b"HandlerExitError: Own")


async def test_a_plain_handler_can_not_cancel_the_task_of_any_other_server() -> None:
    client = Client(create_app(Plain)).body(request(Address("test/plain", "a"), 1))

    assert (await client.ask())[0] == 200


async def test_a_web_framework_keeps_its_task() -> None:
    handler = RequestReplyHandler(Own, on_failure=Discard())
    task = asyncio.current_task()
    assert task is not None
    for message in (1, True):
        await handler.handle(request(Address("test/own", "a"), message, state=STATE))
        assert task.cancelling() == 0


def test_a_thread_without_a_loop_gets_the_error() -> None:
    with pytest.raises(HandlerExitError):
        RequestReplyHandler(Own)(request(Address("test/own", "a"), 1, state=STATE))


class Interrupted(Entity, typename="test/interrupted", on_failure=Discard()):
    @handles(int)
    async def wait(self, message: int) -> None:
        await asyncio.sleep(0)
        raise KeyboardInterrupt

    @handles(str)
    def at_once(self, message: str) -> None:
        raise KeyboardInterrupt


class InterruptedPlain(Entity, typename="test/interrupted-plain", on_failure=Discard()):
    @handles(str)
    def at_once(self, message: str) -> None:
        raise KeyboardInterrupt


@pytest.mark.parametrize("cls", [Interrupted, InterruptedPlain])
def test_a_keyboard_interrupt_propagates_to_the_caller(cls: type[Entity]) -> None:
    body = request(cls.at("a"), "go")
    handler = RequestReplyHandler(cls)

    with pytest.raises(KeyboardInterrupt):
        handler(body)

    async def ask() -> None:
        with pytest.raises(KeyboardInterrupt):
            await handler.handle(body)
        if cls is Interrupted:
            with pytest.raises(KeyboardInterrupt):
                await handler.handle(request(cls.at("a"), 1))

    asyncio.run(ask())
