"""``TestRuntime.ask`` returns and raises what ``Client.ask`` does for the same handler, with and without faults."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from statefun_actors import (
    Address,
    Entity,
    NoAnswer,
    NoReplyError,
    Runtime,
    UnexpectedReplyError,
    answers,
    handles,
    message,
    persisted,
)
from statefun_actors.client import Client
from statefun_actors.testing import TestRuntime

Ask: TypeAlias = Callable[[Any], Any]
"""Calls ``ask`` of a runtime or a client, which it takes."""


@message("kit/forwarded")
class Forwarded:
    caller: Address


class Desk(Entity, typename="kit/desk"):
    caller_of: str = persisted(default="")

    @handles
    def take(self, request: str) -> str | None:
        if request == "reply":
            return "now"
        if request == "ask":
            self.ask(Desk.at("other"), "reply", then=self.answered)
        if request == "ask in vain":
            self.ask(Desk.at("other"), "nothing", then=self.answered, timeout=5)
        if request == "forward" and self.caller is not None:
            self.send(Desk.at("other"), Forwarded(self.caller))
        return None

    @answers
    def answered(self, answer: str | NoAnswer) -> str:
        return f"later {answer}"

    @handles
    def forwarded(self, message: Forwarded) -> None:
        self.send(message.caller, "from another")


DESK = Desk.at("d")
ASKS: dict[str, Ask] = {
    "reply, any type": lambda it: it.ask(DESK, "reply"),
    "reply, typed": lambda it: it.ask(DESK, "reply", str),
    "reply, another type": lambda it: it.ask(DESK, "reply", int),
    "reply, by handler": lambda it: it.ask(Desk.take, "d", "reply"),
    "no reply, any type": lambda it: it.ask(DESK, "nothing"),
    "no reply, optional": lambda it: it.ask(DESK, "nothing", str | None),
    "no reply, by handler": lambda it: it.ask(Desk.take, "d", "nothing"),
    "answer of an ask, any type": lambda it: it.ask(DESK, "ask"),
    "answer of an ask, typed": lambda it: it.ask(DESK, "ask", str),
    "answer of an ask, optional": lambda it: it.ask(DESK, "ask", str | None),
    "forwarded, any type": lambda it: it.ask(DESK, "forward"),
    "forwarded, typed": lambda it: it.ask(DESK, "forward", str),
    "forwarded, optional": lambda it: it.ask(DESK, "forward", str | None),
}
EXPECTED = {
    "reply, any type": "now",
    "reply, typed": "now",
    "reply, another type": UnexpectedReplyError,
    "reply, by handler": "now",
    "no reply, any type": NoReplyError,
    "no reply, optional": None,
    "no reply, by handler": None,
    "answer of an ask, any type": "later now",
    "answer of an ask, typed": "later now",
    "answer of an ask, optional": "later now",
    "forwarded, any type": NoReplyError,  # 204 over HTTP: the handler has ended
    "forwarded, typed": "from another",
    "forwarded, optional": None,
}


def result(call: Callable[[], object]) -> object:
    """What *call* returns, or the class of the error that it raises."""
    try:
        return call()
    except (NoReplyError, UnexpectedReplyError) as error:
        return next(kind for kind in (NoReplyError, UnexpectedReplyError) if isinstance(error, kind))


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Runtime(Desk, bind="127.0.0.1:0") as runtime, Client(runtime.urls[0]) as client:
        yield client


@pytest.mark.parametrize("case", ASKS)
def test_a_client_gets_the_reply_over_http(client: Client, case: str) -> None:
    assert result(lambda: ASKS[case](client)) == EXPECTED[case]


@pytest.mark.parametrize("hostile", [False, 3])
@pytest.mark.parametrize("case", ASKS)
def test_a_test_gets_the_same(case: str, hostile: bool | int) -> None:
    async def work() -> object:
        async with TestRuntime(Desk, hostile=hostile) as runtime:
            return await ASKS[case](runtime)

    assert result(lambda: asyncio.run(work())) == EXPECTED[case]


@pytest.mark.parametrize("hostile", [False, 3])
async def test_an_optional_reply_that_has_to_wait_for_a_time_is_not_none(hostile: bool | int) -> None:
    async with TestRuntime(Desk, hostile=hostile) as runtime:
        expected = (
            f"{DESK} did not reply, and nothing is left to do at this time. Return a reply from its handler, or "
            "from the method that takes the answer to its ask; where time has to pass first: tell(...), then "
            "clock.advance(...); or ask(..., key=...), clock.advance(...), and ask(...) again under that key."
        )
        with pytest.raises(NoReplyError, match=f"^{re.escape(expected)}$"):
            await runtime.ask(Desk.take, "d", "ask in vain", key="k")
        await runtime.clock.advance(5)

        reply = await runtime.ask(Desk.take, "d", "ask in vain", key="k")
        assert reply is not None
        assert reply.startswith("later NoAnswer(")
