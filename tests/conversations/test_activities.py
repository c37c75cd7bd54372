"""Activities: outside calls with retries by timers, a stable key, and one answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from statefun_actors import (
    AsyncRuntime,
    DefinitionError,
    Entity,
    NoAnswer,
    NotAdmittedError,
    TerminalError,
    activity,
    answers,
    handles,
    message,
    persisted,
)
from statefun_actors.conversations import Activity
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack
from tests.engine.engines import HeldStore, held, running, send, until


@message("shop/charge-order")
class Charge:
    cents: int


@message("shop/charged")
class Charged:
    key: str


CALLS: list[tuple[str, int]] = []


@activity("shop/charge", attempts=3, backoff=1.0)
async def charge(message: Charge, key: str) -> Charged:
    CALLS.append((key, message.cents))
    await asyncio.sleep(0)
    if message.cents < 0:
        raise TerminalError("negative")
    if len(CALLS) < message.cents:
        raise ConnectionError("the bank is away")
    return Charged(key)


@activity("shop/notify")
def notify(message: str) -> None:
    CALLS.append((threading.current_thread().name, len(message)))


class Order(Entity, typename="shop/payer"):
    state: str = persisted(default="new")

    @handles
    def pay(self, message: Charge) -> None:
        self.ask(charge, message, then=self.charged, timeout=timedelta(hours=1))
        self.state = "asked"

    @handles
    def tell(self, message: str) -> None:
        self.ask(notify, message, then=self.reported)

    @answers
    def charged(self, answer: Charged | NoAnswer) -> str:
        self.state = answer.key if isinstance(answer, Charged) else f"{answer.reason}: {answer.error}"
        if isinstance(answer, NoAnswer):
            assert answer.target is not None
            assert answer.target.id == CALLS[0][0]
        return self.state

    @answers
    def reported(self, answer: bool | NoAnswer) -> str:
        return f"told {answer}"


def in_test(work: Callable[[TestRuntime], Coroutine[Any, Any, None]], *served: object) -> None:
    CALLS.clear()

    async def run() -> None:
        async with TestRuntime(*served) as runtime:
            await work(runtime)

    asyncio.run(run())


def test_an_answer_comes_after_attempts_that_wait_by_timers_under_one_key() -> None:
    async def work(runtime: TestRuntime) -> None:
        order = Order.at("o")
        await runtime.tell(order, Charge(3))
        assert len(CALLS) == 1
        await runtime.clock.advance(1.0)
        assert len(CALLS) == 2
        await runtime.clock.advance(1.9)
        assert len(CALLS) == 2
        await runtime.clock.advance(0.1)
        assert runtime.state(order).state == CALLS[0][0]
        assert {key for key, _ in CALLS} == {CALLS[0][0]}
        assert runtime.dead_letters == []

    in_test(work, Order, charge, notify)


async def test_it_runs_only_once_the_ask_for_it_is_durable() -> None:
    CALLS.clear()
    store = HeldStore()
    store.let_go.clear()
    async with running(Order, charge, notify, store=store) as engine:
        send(engine, Order.at("o"), pack(Charge(1)))
        await until(lambda: store.begun)
        for _ in range(100):  # turns of the event loop, in which it could begin
            await asyncio.sleep(0)
        early = list(CALLS)
        store.let_go.set()
        await until(lambda: CALLS)

    assert early == []


async def test_after_a_crash_it_runs_again_under_its_key(tmp_path: Path) -> None:
    keys: list[str] = []

    @activity("shop/charge")
    async def slow(message: Charge, key: str) -> Charged:
        keys.append(key)
        if len(keys) == 1:
            await asyncio.Event().wait()
        return Charged(key)

    store = SqliteStore(tmp_path / "store.db")
    async with running(Order, slow, notify, store=store) as engine:
        send(engine, Order.at("o"), pack(Charge(1)))
        await until(lambda: keys)
    store.close()
    store = SqliteStore(tmp_path / "store.db")
    async with running(Order, slow, notify, store=store) as engine:
        await engine.idle()
        state = held(engine, Order.at("o"), "state")
    store.close()

    assert keys == [state, state]


def test_the_last_failed_attempt_notifies_the_asker() -> None:
    async def work(runtime: TestRuntime) -> None:
        await runtime.tell(Order.at("o"), Charge(100))
        await runtime.clock.advance(60)
        assert runtime.state(Order.at("o")).state == "failed: ConnectionError: the bank is away"
        assert len(CALLS) == 3

    in_test(work, Order, charge, notify)


def test_a_terminal_error_skips_the_attempts_that_are_left() -> None:
    async def work(runtime: TestRuntime) -> None:
        assert await runtime.ask(Order.at("o"), Charge(-1), str) == "failed: TerminalError: negative"
        assert len(CALLS) == 1

    in_test(work, Order, charge, notify)


def test_a_plain_function_runs_in_a_thread_and_one_that_returns_nothing_answers_true() -> None:
    async def work(runtime: TestRuntime) -> None:
        assert await runtime.ask(Order.at("o"), "hello", str) == "told True"
        assert CALLS[0][0] != threading.main_thread().name

    in_test(work, Order, charge, notify)


def test_an_activity_is_replaced_in_a_test() -> None:
    async def work(runtime: TestRuntime) -> None:
        assert await runtime.ask(Order.at("o"), Charge(5), str) == "fake"
        assert CALLS == []

    in_test(work, Order, charge.replaced(lambda message: Charged("fake")), notify)


def test_an_activity_is_replaced_by_a_method_of_an_object() -> None:
    class Bank:
        taken = 0

        async def charge(self, message: Charge, key: str) -> Charged:
            self.taken += message.cents
            return Charged(f"fake, key of {len(key)}")

    bank = Bank()

    async def work(runtime: TestRuntime) -> None:
        assert await runtime.ask(Order.at("o"), Charge(5), str) == "fake, key of 32"
        assert bank.taken == 5

    in_test(work, Order, charge.replaced(bank.charge), notify)


def test_the_entity_takes_other_messages_meanwhile() -> None:
    gate = asyncio.Event()

    @activity("test/slow")
    async def slow(message: int) -> int:
        await gate.wait()
        return message

    class Busy(Entity, typename="test/busy"):
        seen: list[str] = persisted(factory=list)

        @handles
        def begin(self, message: int) -> None:
            self.ask(slow, message, then=self.done)

        @handles
        def count(self, message: str) -> int:
            self.seen.append(message)
            return len(self.seen)

        @answers
        def done(self, answer: int | NoAnswer) -> str:
            self.seen.append(f"answer {answer}")
            return ", ".join(self.seen)

    async def work() -> str:
        async with AsyncRuntime(Busy, slow) as runtime:
            asked = asyncio.create_task(runtime.ask(Busy.at("b"), 7, str))
            assert await runtime.ask(Busy.count, "b", "x") == 1
            gate.set()
            return await asked

    assert asyncio.run(work()) == "x, answer 7"


async def test_the_log_counts_the_attempts_of_an_activity_that_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    @activity("test/away", attempts=3, backoff=1)
    async def away(message: int) -> int:
        raise ConnectionError("the bank is away")

    class Buyer(Entity, typename="test/buyer"):
        @handles
        def begin(self, message: int) -> None:
            self.ask(away, message, then=self.done)

        @answers
        def done(self, answer: int | NoAnswer) -> None: ...

    with caplog.at_level("WARNING", "statefun_actors.dispatch"):
        async with TestRuntime(Buyer, away) as runtime:
            await runtime.tell(Buyer.at("b"), 1)
            await runtime.clock.advance(10)

    assert caplog.messages[-1].endswith(
        ": discarded of type io.statefun.types/long after 3 attempts: ConnectionError: the bank is away"
    )


def test_an_attempt_that_takes_too_long_has_failed() -> None:
    @activity("test/hanging", attempts=1, timeout=0.05)
    async def hanging(message: int) -> int:
        await asyncio.sleep(60)
        return message

    class Waits(Entity, typename="test/waits"):
        @handles
        def begin(self, message: int) -> None:
            self.ask(hanging, message, then=self.done)

        @answers
        def done(self, answer: int | NoAnswer) -> str:
            return answer.error if isinstance(answer, NoAnswer) else ""

    async def work() -> str:
        async with AsyncRuntime(Waits, hanging) as runtime:
            return await runtime.ask(Waits.at("w"), 1, str)

    assert "0.05" in asyncio.run(work())


def test_no_more_runs_begin_in_any_span_than_the_rate_allows() -> None:
    begun: list[float] = []

    @activity("test/rated", rate="3/s")
    async def rated(message: int) -> int:
        begun.append(runtimes[0].clock.now.timestamp())
        return message

    class Many(Entity, typename="test/many"):
        got: int = persisted(default=0)

        @handles
        def begin(self, message: int) -> None:
            for number in range(message):
                self.ask(rated, number, then=self.done)

        @answers
        def done(self, answer: int | NoAnswer) -> None:
            assert isinstance(answer, int)
            self.got += 1

    runtimes: list[TestRuntime] = []

    async def work(runtime: TestRuntime) -> None:
        runtimes.append(runtime)
        await runtime.tell(Many.at("m"), 10)
        await runtime.clock.advance(10)
        assert runtime.state(Many.at("m")).got == 10
        assert len(begun) == 10
        assert all(later - earlier >= 1 for earlier, later in zip(begun, begun[3:], strict=False))
        assert begun[-1] - begun[0] == 3

    in_test(work, Many, rated)


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


def test_calling_an_activity_calls_its_function() -> None:
    assert isinstance(charge, Activity)
    CALLS.clear()

    assert asyncio.run(charge(Charge(1), "k")) == Charged("k")
