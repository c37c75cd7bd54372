"""Answers without an open ask: one is kept, since it may precede its ask on Flink; further ones are dropped."""

from __future__ import annotations

import asyncio
import logging

import pytest

from statefun_actors import Entity, NoAnswer, answers, handles, persisted
from statefun_actors.testing import TestRuntime


class Echo(Entity, typename="test/echo"):
    @handles
    def often(self, number: int) -> None:
        for _ in range(number):
            assert self.caller is not None
            self.send(self.caller, "yes")


class Asker(Entity, typename="test/asker"):
    got: list[str] = persisted(factory=list[str])

    @handles
    def start(self, number: int) -> None:
        self.ask(Echo.at("e"), number, then=self.answered)

    @answers
    def answered(self, answer: str | NoAnswer) -> None:
        self.got.append(str(answer))


def test_an_answer_that_is_dropped_is_logged_with_its_sender(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> list[str]:
        async with TestRuntime(Asker, Echo) as runtime:
            await runtime.tell(Asker.at("a"), 3)
            got: list[str] = runtime.state(Asker.at("a")).got
            return got

    with caplog.at_level(logging.INFO, "statefun_actors"):
        assert asyncio.run(work()) == ["yes"]
    assert [message for message in caplog.messages if "is dropped" in message] == [
        "statefun-actors/reply: an answer of type io.statefun.types/string from test/echo/e is dropped, since its ask "
        "is not open: it came late, or twice"
    ]
