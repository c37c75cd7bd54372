"""Reply addresses: answered once, by any holder; and who waits for an answer."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from statefun_actors import (
    Address,
    AsyncRuntime,
    Entity,
    MessageRefusedError,
    NoAnswer,
    TerminalError,
    answers,
    handles,
    persisted,
)
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack
from tests.conversations.reservations import Reserve, Reserved, Stock, in_test
from tests.engine.engines import send


def test_a_reply_address_is_answered_once_by_any_holder() -> None:
    class Desk(Entity, typename="test/desk"):
        state: str = persisted(default="")
        link: Address | None = persisted(default=None)

        @handles
        def open(self, message: str) -> Address:
            self.link = self.reply_address(then=self.decided, timeout=timedelta(days=3), keep=message)
            return self.link

        @answers
        def decided(self, answer: bool | NoAnswer, what: str) -> None:
            self.state += f"{what}: {answer if isinstance(answer, bool) else (answer.reason, answer.target)};"

    async def work(runtime: TestRuntime) -> None:
        desk = Desk.at("d")
        link = await runtime.ask(desk, "loan", Address)
        send(runtime.engine, link, pack(True))
        await runtime.settled()
        send(runtime.engine, link, pack(False))
        await runtime.settled()
        assert runtime.state(desk).state == "loan: True;"
        await runtime.ask(desk, "car", Address)
        await runtime.clock.advance(timedelta(days=3))
        assert runtime.state(desk).state == "loan: True;car: ('timeout', None);"

    in_test(work, Desk)


def test_a_wait_ends_with_what_then_returns_and_422_where_it_is_given_up() -> None:
    class Front(Entity, typename="test/front"):
        @handles
        def go(self, message: int) -> None:
            self.ask(Stock.at("a"), Reserve(message), then=self.done)

        @answers
        def done(self, answer: Reserved | NoAnswer) -> str:
            if isinstance(answer, NoAnswer):
                raise TerminalError("no stock")
            return f"left {answer.left}"

    async def work() -> None:
        async with AsyncRuntime(Front, Stock) as runtime:
            assert await runtime.ask(Front.at("f"), 1) == "left 1"
            assert await runtime.ask(Front.at("f"), 1, str) == "left 0"
            with pytest.raises(MessageRefusedError, match="no stock"):
                await runtime.ask(Front.at("f"), 101)

    asyncio.run(work())
