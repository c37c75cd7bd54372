"""What a test of ``TestRuntime`` gets when a handler fails, or a message goes where nothing is run."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from statefun_actors import (
    Address,
    DeadLetter,
    Entity,
    NoAnswer,
    NoReplyError,
    TerminalError,
    UnexpectedReplyError,
    activity,
    answers,
    handles,
)
from statefun_actors.testing import TestRuntime
from tests.testing.entities import Asked


class Starter(Entity, typename="kit/starter"):
    """Has two others fail, one after the other."""

    @handles(int)
    def start(self, message: int) -> None:
        self.send(Failing.at("a"), "first")
        self.send(Failing.at("b"), "second")

    @handles(str)
    def nothing(self, message: str) -> None: ...


class Failing(Entity, typename="kit/failing"):
    @handles(str)
    def fail(self, message: str) -> None:
        raise ValueError(message)


class Guarded(Entity, typename="kit/guarded", on_failure=DeadLetter("kit/letters", attempts=2)):
    @handles(int)
    def fail(self, message: int) -> None:
        raise ValueError(message)


async def test_ask_says_what_came_instead_of_the_reply() -> None:
    async with TestRuntime(Asked) as runtime:
        with pytest.raises(NoReplyError) as silent:
            await runtime.ask(Asked.at("x"), "silent", str)
        with pytest.raises(UnexpectedReplyError) as other:
            await runtime.ask(Asked.at("x"), "hi", int)
        with pytest.raises(TerminalError, match=r"^never$"):
            await runtime.ask(Asked.at("x"), "terminal", str)

        assert isinstance(silent.value, AssertionError)
        assert str(silent.value) == (
            "kit/asked/x did not reply, and nothing is left to do at this time. Return a reply from its handler, or "
            "from the method that takes the answer to its ask; where time has to pass first: tell(...), then "
            "clock.advance(...); or ask(..., key=...), clock.advance(...), and ask(...) again under that key."
        )
        assert str(other.value).startswith("expected `int` in reply from kit/asked/x, got io.statefun.types/string: ")


async def test_without_a_policy_the_error_is_raised_and_the_message_waits() -> None:
    async with TestRuntime(Asked) as runtime:
        with pytest.raises(ValueError, match=r"^no$"):
            await runtime.tell(Asked.at("x"), "fail")
        with pytest.raises(ValueError, match=r"^no$"):
            await runtime.clock.advance(1)

        assert await runtime.ask(Asked.at("y"), "hi", str) == "HI"


async def test_of_several_errors_the_first_is_raised_and_none_of_them_twice() -> None:
    async with TestRuntime(Starter, Failing) as runtime:
        with pytest.raises(ValueError, match=r"^first$"):
            await runtime.tell(Starter.at("x"), 0)

        await runtime.tell(Starter.at("y"), "nothing")


async def test_a_message_that_a_policy_gives_up_is_a_dead_letter() -> None:
    async with TestRuntime(Guarded) as runtime:
        await runtime.tell(Guarded.at("x"), 5)
        [letter] = runtime.dead_letters

        assert (letter.target, letter.message, letter.error_type, letter.error, letter.attempts) == (
            Guarded.at("x"), 5, "ValueError", "5", 2,
        )  # fmt: skip
        assert len(runtime.egress("kit/letters")) == 1


class Forgotten(Entity, typename="kit/forgotten"):
    @handles(int)
    def take(self, message: int) -> None: ...


class Forgetful(Entity, typename="kit/forgetful"):
    """Sends to a class, at once or later, and to a function that may be in another language."""

    @handles(str)
    def go(self, message: str) -> str:
        if message == "now":
            self.send(Forgotten.at("x"), 1)
        elif message == "outside":
            self.ask(forgotten, message, then=self.done)
        elif message == "later":
            self.send_after(5, Forgotten.at("x"), 1)
        else:
            self.send(Address("fraud/checker", "x"), 1)
        return message

    @answers
    def done(self, answer: str | NoAnswer) -> None: ...


@activity("kit/outside")
async def forgotten(message: str) -> str:
    return message


async def test_a_message_to_an_activity_that_is_not_run_fails_the_test() -> None:
    async with TestRuntime(Forgetful) as runtime:
        with pytest.raises(AssertionError) as raised:
            await runtime.tell(Forgetful.at("a"), "outside")
    assert str(raised.value) == (
        "messages were sent to forgotten, which this TestRuntime does not run: write TestRuntime(..., forgotten)"
    )
    async with TestRuntime(Forgetful, forgotten.replaced(lambda message: message)) as runtime:
        await runtime.tell(Forgetful.at("a"), "outside")
        assert runtime.asks == []


async def test_a_message_to_a_class_that_is_not_run_fails_the_test() -> None:
    error = "messages were sent to Forgotten, which this TestRuntime does not run: write TestRuntime(..., Forgotten)"
    async with TestRuntime(Forgetful) as runtime:
        assert await runtime.ask(Forgetful.at("a"), "elsewhere", str) == "elsewhere"
        with pytest.raises(AssertionError) as raised:
            await runtime.ask(Forgetful.at("a"), "now", str)
        assert str(raised.value) == error
    async with TestRuntime(Forgetful) as runtime:
        await runtime.tell(Forgetful.at("a"), "later")
        with pytest.raises(AssertionError) as raised:
            await runtime.clock.advance(5)
        assert str(raised.value) == error
    async with TestRuntime(Forgetful, Forgotten) as runtime:
        assert await runtime.ask(Forgetful.at("a"), "now", str) == "now"


async def test_failing_messages_can_be_seen() -> None:
    async with TestRuntime(Asked, start=datetime(2026, 1, 1, tzinfo=UTC)) as runtime:
        assert runtime.failing == []
        with pytest.raises(ValueError, match=r"^no$"):
            await runtime.tell(Asked.at("x"), "fail")
        await runtime.tell(Asked.at("x"), "hi")

        [failing] = runtime.failing
        assert (failing.target, failing.message, failing.error_type, failing.error) == (
            Asked.at("x"), "fail", "ValueError", "no",
        )  # fmt: skip
        assert (failing.attempts, failing.behind) == (1, 1)
        assert failing.next is not None
        assert failing.next > runtime.clock.now
