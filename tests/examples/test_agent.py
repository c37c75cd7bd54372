"""The agent example in virtual time: tools, a person who decides late, and a model that is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
from agent import (
    Approval,
    Look,
    Progress,
    Queued,
    Reply,
    Say,
    Session,
    Think,
    ToolResult,
    Turn,
    UseTool,
    think,
    use_tool,
)
from stub_model import answer

from statefun_actors import TerminalError
from statefun_actors.testing import TestRuntime

ADA = Session.at("ada")


def model(message: Think, key: str) -> Reply | UseTool:
    said = answer([{"role": turn.role, "text": turn.text} for turn in message.turns])
    return UseTool(said["tool"], said["argument"]) if "tool" in said else Reply(said["text"])


def tool(message: UseTool, key: str) -> ToolResult:
    return ToolResult(f"{message.tool} {message.argument}")


def chat(
    work: Callable[[TestRuntime], Coroutine[Any, Any, None]],
    model: Callable[[Think, str], Reply | UseTool] = model,
    tool: Callable[[UseTool, str], ToolResult] = tool,
) -> None:
    async def run() -> None:
        async with TestRuntime(Session, think.replaced(model), use_tool.replaced(tool)) as runtime:
            await work(runtime)

    asyncio.run(run())


def texts(runtime: TestRuntime) -> list[str]:
    return [f"{turn.role}: {turn.text}" for turn in runtime.state(ADA).turns]


def test_a_waiting_caller_gets_the_reply_after_all_tools() -> None:
    async def work(runtime: TestRuntime) -> None:
        assert await runtime.ask(ADA, Say("hello"), Reply) == Reply("You said: hello")
        assert await runtime.ask(ADA, Say("weather in Rome"), Reply) == Reply("It is done: weather Rome")

        assert texts(runtime)[2:] == [
            "user: weather in Rome",
            "tool: weather Rome",
            "assistant: It is done: weather Rome",
        ]

    chat(work)


@pytest.mark.parametrize(
    ("approval", "result"),
    [(True, "tool: buy a pen"), (False, "tool: buy: not approved"), (None, "tool: buy: not approved")],
)
def test_a_purchase_waits_days_for_a_person(approval: bool | None, result: str) -> None:
    async def work(runtime: TestRuntime) -> None:
        await runtime.tell(ADA, Say("buy a pen"))
        (request,) = runtime.egress("agent/approvals")
        assert (request.session, request.tool, request.argument) == ("ada", "buy", "a pen")
        assert runtime.state(ADA).status == "waiting for approval"
        await runtime.clock.advance(timedelta(days=6))
        if approval is None:
            await runtime.clock.advance(timedelta(days=2))
        else:
            await runtime.answer(request.link.removeprefix("/replies/"), Approval(approval))

        assert result in texts(runtime)
        assert runtime.state(ADA).status == "idle"

    chat(work)


def test_messages_during_a_turn_wait_for_the_next_turn() -> None:
    async def work(runtime: TestRuntime) -> None:
        await runtime.tell(ADA, Say("buy a pen"))
        assert await runtime.ask(ADA, Say("one"), Queued) == Queued(1)
        assert await runtime.ask(ADA, Say("two"), Queued) == Queued(2)
        (request,) = runtime.egress("agent/approvals")
        await runtime.answer(request.link.removeprefix("/replies/"), Approval(True))

        assert [text for text in texts(runtime) if text.startswith("assistant")] == [
            "assistant: It is done: buy a pen",
            "assistant: You said: one",
            "assistant: You said: two",
        ]

    chat(work)


def test_a_page_polls_for_the_turns_that_it_has_not_seen() -> None:
    async def work(runtime: TestRuntime) -> None:
        await runtime.tell(ADA, Say("hello"))

        assert await runtime.ask(Session.look, "ada", Look(1)) == Progress(
            "idle", [Turn("assistant", "You said: hello")]
        )

    chat(work)


def test_a_model_that_is_away_is_asked_again_under_one_key_and_given_up_at_last() -> None:
    keys: list[str] = []

    def away(message: Think, key: str) -> Reply:
        keys.append(key)
        raise ConnectionError("no model")

    async def work(runtime: TestRuntime) -> None:
        await runtime.tell(ADA, Say("hello"))
        await runtime.clock.advance(timedelta(hours=1))

        assert (len(keys), len(set(keys))) == (8, 1)
        assert texts(runtime) == ["user: hello", "error: no answer: ConnectionError: no model"]
        assert runtime.state(ADA).status == "idle"

    chat(work, away)


def test_the_reply_after_a_failure_is_the_failure_although_a_text_waits() -> None:
    def away_at_first(message: Think, key: str) -> Reply | UseTool:
        if message.turns[-1].text == "one":
            raise TerminalError("no model")
        return model(message, key)

    async def work(runtime: TestRuntime) -> None:
        one, two = await asyncio.gather(runtime.ask(ADA, Say("one"), Reply), runtime.ask(ADA, Say("two"), Queued))

        assert (one, two) == (Reply("no answer: TerminalError: no model"), Queued(1))
        assert texts(runtime)[2:] == ["user: two", "assistant: You said: two"]

    chat(work, away_at_first)


def test_the_model_sees_the_error_of_a_tool() -> None:
    def broken(message: UseTool, key: str) -> ToolResult:
        raise TerminalError("no weather")

    async def work(runtime: TestRuntime) -> None:
        assert await runtime.ask(ADA, Say("weather in Rome"), Reply) == Reply(
            "It is done: failed: TerminalError: no weather"
        )

    chat(work, tool=broken)
