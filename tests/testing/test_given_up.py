"""Async code that catches its cancellation and goes on: the engine gives it up, whatever kind of handler it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from statefun_actors import (
    Address,
    Context,
    Discard,
    Entity,
    NoAnswer,
    StatefulFunctions,
    activity,
    answers,
    handles,
    persisted,
)
from statefun_actors.dispatch.given_up import GivenUp
from statefun_actors.errors import HandlerTimeoutError
from statefun_actors.settings import Settings
from statefun_actors.testing import TestRuntime

SECONDS = 0.02


async def stay() -> None:
    for _ in range(3):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue


@activity("kit/deaf-work", attempts=2, timeout=SECONDS)
async def work(message: str) -> str:
    await stay()
    return message


functions = StatefulFunctions()


@functions.bind("kit/deaf-function", timeout=SECONDS, on_failure=Discard())
async def function(context: Context, message: Any) -> None:
    await stay()


class Deaf(Entity, typename="kit/deaf", concurrency=1, on_failure=Discard()):
    got: str = persisted(default="nothing")

    @handles(str)
    async def go(self, message: str) -> str:
        match message:
            case "stay":
                await stay()
            case "work":
                self.ask(work, "x", then=self.worked)
            case "answer":
                self.ask(self.address, 1, then=self.answered)
            case _:
                pass
        return self.got

    @handles(int)
    async def one(self, message: int) -> int:
        return message

    @answers
    async def worked(self, answer: str | NoAnswer) -> None:
        assert isinstance(answer, NoAnswer)
        self.got = answer.error

    @answers
    async def answered(self, answer: int | NoAnswer) -> None:
        self.got = "lost"
        await stay()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("statefun_actors.dispatch.calling.given_up", GivenUp())
    for module in ("calling", "handler_task"):
        monkeypatch.setattr(f"statefun_actors.dispatch.{module}.GRACE_SECONDS", 0.01)


def runtime() -> TestRuntime:
    return TestRuntime(Deaf, functions, work, settings=Settings(handler_timeout=SECONDS))


async def test_a_handler_an_answer_method_and_a_function() -> None:
    async with runtime() as running:
        for target, message in (
            (Deaf.at("a"), "stay"),
            (Deaf.at("a"), "answer"),
            (Address("kit/deaf-function", "a"), "x"),
        ):
            await running.tell(target, message)
        with pytest.raises(HandlerTimeoutError, match=r"Deaf.go did not finish within 0.02 s\."):
            await running.ask(Deaf.at("b"), "stay", str)

        assert await running.ask(Deaf.at("a"), "look", str) == "nothing"


async def test_an_activity_is_tried_again_and_its_asker_told() -> None:
    async with runtime() as running:
        await running.tell(Deaf.at("a"), "work")
        await running.run_until_idle(fire_timers=True)

        assert await running.ask(Deaf.at("a"), "look", str) == (
            "HandlerTimeoutError: kit/deaf-work did not finish within 0.02 s. Raise its timeout=, or make it shorter."
        )


async def test_the_runtime_ends_although_a_handler_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("statefun_actors.testing.runtime._DRAIN_SECONDS", 0)
    running = TestRuntime(Deaf)
    async with asyncio.timeout(30):
        async with running:
            told = asyncio.create_task(running.tell(Deaf.at("a"), "stay"))
            while not running.engine.view.waiting:  # noqa: ASYNC110 - no event says so
                await asyncio.sleep(0)
        await asyncio.wait([told])
