"""Activities that can not be declared, started or called as they are."""

from __future__ import annotations

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
        "rate= is a number a second, minute or hour",
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
        "backoff= is in seconds, 0 or more; got '1s'",
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
