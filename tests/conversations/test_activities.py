"""Activities: outside calls with retries by timers, a stable key, and one answer."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from statefun_actors import Entity, NoAnswer, activity, answers, handles
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack
from tests.conversations.charging import CALLS, Charge, Charged, Order, charge, in_test, notify
from tests.engine.engines import HeldStore, held, running, send, until


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
