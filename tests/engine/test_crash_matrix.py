"""All that the engine keeps, under kills at every commit, batches that run twice, overtaking, and sinks that refuse.

One scenario has asks, answers from outside, activities, delayed and cancelled messages, schedules, expiry, idempotency
keys, egress, dead letters and discarded messages. Its result must be that of a run without faults, for every seed.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from statefun_actors import (
    Address,
    DeadLetter,
    Discard,
    Entity,
    NoAnswer,
    activity,
    answers,
    handles,
    kafka_record,
    message,
    persisted,
)
from statefun_actors.testing import TestRuntime, simulate

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@message("matrix/begin")
class Begin:
    questions: int


@message("matrix/question")
class Question:
    number: int


@message("matrix/tick")
class Tick:
    name: str


@message("matrix/later")
class Later:
    to: Address
    number: int


@activity("matrix/pay", attempts=10, backoff=0.1)
async def pay(message: int, key: str) -> int:
    raise NotImplementedError(f"{message} {key}: a test replaces it")


class Desk(Entity, typename="matrix/desk"):
    """Asks in all ways, and counts the answers."""

    seen: dict[str, int] = persisted(factory=dict)
    person: Address | None = persisted(default=None)

    def count(self, name: str) -> None:
        self.seen[name] = self.seen.get(name, 0) + 1

    @handles
    def begin(self, begin: Begin) -> int:
        for number in range(begin.questions):
            self.ask(Shelf.at(str(number % 2)), Question(number), then=self.answered, timeout=2 * HOUR, keep=number)
        self.ask(pay, begin.questions, then=self.paid, timeout=DAY)
        self.person = self.reply_address(then=self.decided, timeout=3 * DAY)
        self.send_after(HOUR, self.address, Tick("early"))
        self.send_after(HOUR, self.address, Tick("cancelled"), cancellation_token="t")
        self.send_after(4.5 * DAY, self.address, Tick("stop"))
        self.send_every(DAY, self.address, Tick("daily"), name="daily")
        self.send(self.address, "cancel")
        self.send_egress("matrix/out", kafka_record(topic="t", key=self.id, value=f"begun {begin.questions}"))
        return begin.questions

    @handles(str)
    def stop_waiting(self, _: str) -> None:
        self.cancel("t")
        self.count("cancel")

    @handles
    def tick(self, tick: Tick) -> None:
        self.count(tick.name)
        if tick.name == "stop":
            self.cancel_every("daily")
        self.send_egress("matrix/ticks", f"{self.id} {tick.name} {self.now:%d %H}")

    @answers
    def answered(self, answer: int | NoAnswer, number: int) -> None:
        self.count(f"question {number}: {answer.reason if isinstance(answer, NoAnswer) else answer}")

    @answers
    def paid(self, answer: int | NoAnswer) -> None:
        self.count(f"paid {answer.reason if isinstance(answer, NoAnswer) else answer}")
        self.send(Temporary.at(self.id), "note")

    @answers
    def decided(self, answer: bool | NoAnswer) -> None:
        self.count(f"decided {answer.reason if isinstance(answer, NoAnswer) else answer}")

    @handles(int, on_failure=DeadLetter("matrix/letters", attempts=2))
    def fail(self, number: int) -> None:
        self.count("undone")
        self.send_egress("matrix/out", "undone")
        raise ValueError(f"no {number}")

    @handles(bytes, on_failure=Discard())
    def drop(self, _: bytes) -> None:
        self.count("undone")
        raise ValueError("dropped")


class Shelf(Entity, typename="matrix/shelf"):
    """Answers at once, later by another entity, or never."""

    asked: int = persisted(default=0)

    @handles
    def question(self, question: Question) -> int | None:
        self.asked += 1
        if question.number % 3 == 0:
            return question.number
        if question.number % 3 == 1:
            assert self.caller is not None
            self.send_after(HOUR, Shelf.at("later"), Later(self.caller, question.number))
        return None

    @handles
    def later(self, later: Later) -> None:
        self.send(later.to, later.number)


class Temporary(Entity, typename="matrix/temporary", expire_after_call=10 * HOUR):
    """Ends when nothing comes for ten hours."""

    calls: int = persisted(default=0)

    @handles(int)
    def call(self, _: int) -> int:
        self.calls += 1
        return self.calls

    @handles(str)
    def note(self, _: str) -> None:
        self.calls += 1


class Bank:
    """Fails at the first call of each key."""

    def __init__(self) -> None:
        self.calls = Counter[str]()

    async def pay(self, message: int, key: str) -> int:
        self.calls[key] += 1
        if self.calls[key] == 1:
            raise ConnectionError("the bank is away")
        return message


async def everything(runtime: TestRuntime) -> list[object]:
    found: list[object] = []
    for id, questions in (("a", 3), ("b", 5)):
        found.append(await runtime.ask(Desk.begin, id, Begin(questions), key=f"begin {id}"))
        found.append(await runtime.ask(Desk.begin, id, Begin(questions), key=f"begin {id}"))  # a repeated request
    await runtime.tell(Desk.at("a"), b"dropped")
    for number in (1, 2):
        await runtime.tell(Desk.at("b"), number)
    await runtime.clock.advance(HOUR)
    found.append(await runtime.ask(Temporary.call, "t", 1))
    await runtime.clock.advance(9 * HOUR)
    found.append(await runtime.ask(Temporary.call, "t", 1))
    person = runtime.state(Desk.at("a")).person
    await runtime.answer(person, True)
    await runtime.clock.advance(20 * HOUR)
    found.append(runtime.exists(Temporary.at("t")))
    found.append([len(runtime.asks), len(runtime.schedules), len(runtime.timers), len(runtime.dead_letters)])
    await runtime.clock.advance(6 * DAY)
    found.append([len(runtime.asks), len(runtime.schedules), len(runtime.timers), len(runtime.dead_letters)])
    return found


def run_matrix(seeds: int, **options: Any) -> None:
    def bank() -> Any:
        return Bank().pay

    simulate(everything, Desk, Shelf, Temporary, pay.replaced_by(bank), seeds=seeds, **options)


async def test_the_scenario_uses_all_of_it() -> None:
    async with TestRuntime(Desk, Shelf, Temporary, pay.replaced_by(lambda: Bank().pay)) as runtime:
        found = await everything(runtime)

        assert found == [3, 3, 5, 5, 1, 2, False, [1, 2, 2, 2], [0, 0, 0, 2]]
        assert runtime.state(Desk.at("a")).seen == {
            "cancel": 1,
            "question 0: 0": 1,
            "paid 3": 1,
            "early": 1,
            "question 1: 1": 1,
            "question 2: timeout": 1,
            "decided True": 1,
            "daily": 4,
            "stop": 1,
        }
        assert runtime.state(Desk.at("b")).seen["decided timeout"] == 1
        assert {name: len(records) for name, records in runtime.egresses.items()} == {
            "matrix/out": 2,
            "matrix/letters": 2,
            "matrix/ticks": 12,
        }


def test_every_seed_has_the_result_of_a_run_without_faults() -> None:
    run_matrix(seeds=25)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_thousands_of_seeds_have_the_result_of_a_run_without_faults() -> None:
    run_matrix(seeds=2_000)
