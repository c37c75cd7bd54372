"""Activities that can not be declared, started or called as they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from statefun_actors import (
    AsyncRuntime,
    DefinitionError,
    Entity,
    NoAnswer,
    NotAdmittedError,
    activity,
    answers,
    handles,
)
from statefun_actors.testing import TestRuntime


def test_everything_wrong_with_an_activity_is_reported_at_once() -> None:
    with pytest.raises(DefinitionError) as caught:

        @activity("nowhere", attempts=0, backoff=-1, concurrency=0, timeout=0, rate="5/d")  # type: ignore[arg-type]
        async def wrong(message, one: str, two: str):  # type: ignore[no-untyped-def]
            pass

    text = str(caught.value)
    for part in (
        "Write <namespace>/<name>",
        "an activity takes one or two parameters, its message and its key: `def charge(message, key)`, got 3",
        "annotate its message and its return value: `async def charge(message: Charge) -> Charged`",
        "attempts= is the total number of attempts",
        "backoff= is in seconds",
        "rate= is a number of at most nine digits a second, minute or hour",
        "concurrency= is a whole number of batches",
        "timeout= is a timedelta or seconds",
    ):
        assert part in text


def test_options_of_an_activity_are_checked_together_and_by_name() -> None:
    with pytest.raises(DefinitionError) as caught:

        @activity("test/wrong", attemps=1, timeout=-1, backoff="1s", key="k", internal=1)  # type: ignore[call-arg, arg-type]
        async def wrong(message: int) -> int:
            return message

    known = "expected one of: attempts, backoff, concurrency, internal, rate, timeout"
    assert caught.value.problems == (
        f"unknown option 'attemps'; {known}",
        f"unknown option 'key'; {known}",
        "timeout= is a timedelta or seconds, more than zero and at most ten years; got -1",
        "internal= is True or False, got 1",
        "backoff= is in seconds, 0 or more and at most ten years; got '1s'",
    )


def items(message: str) -> Iterator[str]:
    yield message


async def stream(message: str) -> AsyncIterator[str]:
    yield message


def nothing(message):  # type: ignore[no-untyped-def]
    yield message


async def wait(message: str) -> None:
    assert message


@activity("test/mail", attempts=1)
def mail(message: str) -> None:
    assert message


@pytest.mark.parametrize("function", [items, stream, nothing])
@pytest.mark.parametrize("declare", [activity("test/yields"), mail.replaced])
def test_an_activity_that_yields_is_refused(
    declare: Callable[[Callable[[str], object]], object], function: Callable[[str], object]
) -> None:
    with pytest.raises(DefinitionError) as caught:
        declare(function)

    assert caught.value.problems == ("an activity can't yield; return the answer",)


class Poster(Entity, typename="test/poster"):
    @handles
    def begin(self, message: str) -> None:
        self.ask(mail, message, then=self.done)

    @answers
    def done(self, answer: bool | NoAnswer) -> str:
        return answer.error if isinstance(answer, NoAnswer) else repr(answer)


async def future(message):  # type: ignore[no-untyped-def]
    return asyncio.get_running_loop().create_future()


async def nested(message):  # type: ignore[no-untyped-def]
    return wait(message)


COROUTINE = "the coroutine that test/mail returned is not a message. Make the handler `async def`, and await it there."
GENERATOR = (
    "the generator that test/mail returned is not a message. Iterate over it in the handler, and return the result."
)
FUTURE = (
    "a value of class `Future` is not a message. Send a protobuf message, a @message class, or bool, int, float, str, "
    "bytes, list, dict, tuple, set, frozenset, datetime, date, timedelta, Decimal, UUID, Address, Enum."
)


def returning(call: Callable[[str], object]) -> Callable[[str], object]:
    """A plain function that returns what *call* does."""

    def fake(message):  # type: ignore[no-untyped-def]
        return call(message)

    return fake


@pytest.mark.parametrize(
    ("fake", "expected"),
    [
        (returning(wait), f"NotAMessageError: {COROUTINE}"),
        (nested, f"NotAMessageError: {COROUTINE}"),
        (returning(items), f"NotAMessageError: {GENERATOR}"),
        (returning(stream), f"NotAMessageError: {GENERATOR}"),
        (future, f"NotAMessageError: {FUTURE}"),
        (returning(len), "True"),
        (returning(print), "True"),
    ],
)
async def test_an_activity_that_returns_nothing_is_done_unless_it_returns_work(
    fake: Callable[[str], object], expected: str
) -> None:
    async with TestRuntime(Poster, mail.replaced(fake)) as runtime:
        assert await runtime.ask(Poster.at("p"), "x", str) == expected


@pytest.mark.parametrize("rate", ["5/d", "0/s", "9999999999/s", pytest.param("9" * 5000 + "/s", id="5,000 digits"), 5])
def test_a_rate_is_a_number_in_a_span(rate: Any) -> None:
    with pytest.raises(DefinitionError) as caught:
        activity("test/rated", rate=rate)(wait)

    assert caught.value.problems == (
        f"rate= is a number of at most nine digits a second, minute or hour, such as '60/m'; got {rate!r}",
    )


async def test_an_internal_activity_is_started_by_functions_only() -> None:
    runs: list[int] = []

    @activity("test/internal", internal=True, attempts=2)
    async def pay(message: int) -> int:
        runs.append(message)
        if len(runs) == 1:
            raise ConnectionError("the bank is away")
        return message

    class Payer(Entity, typename="test/payer"):
        @handles
        def begin(self, message: int) -> None:
            self.ask(pay, message, then=self.done)

        @answers
        def done(self, answer: int | NoAnswer) -> str:
            return repr(answer)

    async with TestRuntime(Payer, pay) as runtime:
        await runtime.tell(Payer.at("p"), 1)
        await runtime.clock.advance(2)
        assert runs == [1, 1]
        await runtime.tell(pay.at("mine"), 2)
        await runtime.clock.advance(60)
    async with AsyncRuntime(Payer, pay) as real:
        with pytest.raises(NotAdmittedError):
            await real.tell(pay.at("mine"), 3)

    assert runs == [1, 1]
