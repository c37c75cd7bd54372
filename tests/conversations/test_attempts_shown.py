"""The attempts of an activity at an open ask, as ``TestRuntime.asks`` and the lists of operators show them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from statefun_actors import Address, Entity, NoAnswer, activity, answers, handles
from statefun_actors.admin import list_asks, view_surroundings
from statefun_actors.engine import AskAttempts, attempts_at, open_asks
from statefun_actors.store import MemoryStore
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack
from tests.engine.engines import running, send, until

RUNS: list[str] = []


@pytest.fixture(autouse=True)
def no_runs() -> Iterator[None]:
    RUNS.clear()
    yield
    RUNS.clear()


@activity("shown/charge", attempts=5, backoff=30)
async def charge(message: str, key: str) -> str:
    RUNS.append(key)
    raise ConnectionError(f"the bank is away, {len(RUNS)}" + "!" * len(message) * 100)


class Order(Entity, typename="shown/order"):
    @handles
    def place(self, message: str) -> None:
        self.ask(charge, message, then=self.charged, timeout=timedelta(hours=1))

    @handles
    def place_at_chosen_key(self, message: int) -> None:
        self.ask(charge.at("chosen"), "", then=self.charged, timeout=timedelta(hours=message))

    @handles
    def ask_an_entity(self, message: bool) -> None:
        self.ask(Address("shown/stock", "pen"), message, then=self.charged, timeout=timedelta(hours=3))

    @answers
    def charged(self, answer: str | NoAnswer) -> None: ...


async def test_an_ask_shows_its_attempts_the_next_one_and_the_last_error() -> None:
    async with TestRuntime(Order, charge) as runtime:
        began = runtime.clock.now
        await runtime.tell(Order.at("1"), "")
        [first] = runtime.asks
        await runtime.clock.advance(30)
        [second] = runtime.asks

    assert (first.attempts, first.error, first.next_attempt) == (
        1,
        "ConnectionError: the bank is away, 1",
        began + timedelta(seconds=30),
    )
    assert (second.attempts, second.error, second.next_attempt) == (
        2,
        "ConnectionError: the bank is away, 2",
        began + timedelta(seconds=90),
    )
    assert first == second


async def test_asks_at_one_chosen_key_have_attempts_of_their_own() -> None:
    async with TestRuntime(Order, charge) as runtime:
        await runtime.tell(Order.at("1"), 1)
        await runtime.clock.advance(30)
        await runtime.tell(Order.at("2"), 2)

        assert [(ask.asker.id, ask.attempts, ask.error) for ask in runtime.asks] == [
            ("1", 2, "ConnectionError: the bank is away, 2"),
            ("2", 1, "ConnectionError: the bank is away, 3"),
        ]


async def test_an_ask_of_an_entity_and_a_reply_address_have_no_attempts() -> None:
    class Asking(Order, typename="shown/asking"):
        @handles
        def wait(self, message: float) -> None:
            self.reply_address(then=self.charged, timeout=timedelta(hours=1))

    store = MemoryStore()
    async with running(Asking, store=store) as engine:
        send(engine, Asking.at("1"), pack(True))
        send(engine, Asking.at("1"), pack(1.5))
        await engine.idle()

        assert [attempts_at(store, ask) for ask in open_asks(store)] == [None, None]


async def test_an_attempt_that_runs_and_one_that_waits_for_its_turn_have_no_time() -> None:
    began, fail = asyncio.Event(), asyncio.Event()

    @activity("shown/charge", concurrency=1, attempts=2, backoff=3600)
    async def slow(message: str) -> str:
        began.set()
        await fail.wait()
        raise ConnectionError("away")

    def shown() -> list[AskAttempts | None]:
        return [attempts_at(store, ask) for ask in sorted(open_asks(store), key=lambda ask: ask.asker.id)]

    store = MemoryStore()
    async with running(Order, slow, store=store) as engine:
        send(engine, Order.at("1"), pack("x"))
        await began.wait()
        send(engine, Order.at("2"), pack("x"))
        await until(lambda: len(shown()) == 2 and shown()[1] is not None)
        before = shown()
        fail.set()
        await until(lambda: all(each is not None and each.next_ms is not None for each in shown()))
        after = shown()

    assert before == [AskAttempts(1, "", None), AskAttempts(0, "", None)]
    assert [each and (each.begun, each.error) for each in after] == [(1, "ConnectionError: away")] * 2


async def test_the_last_error_stays_while_the_next_attempt_runs_or_is_put_off_by_its_rate(tmp_path: Path) -> None:
    @activity("shown/charge", attempts=3, backoff=1, rate="1/h")
    async def rated(message: str) -> str:
        raise ConnectionError("away")

    async with TestRuntime(Order, rated, store=SqliteStore(tmp_path / "store.db")) as runtime:
        began = runtime.clock.now
        await runtime.tell(Order.at("1"), "x")
        await runtime.clock.advance(1)
        [ask] = runtime.asks

    assert (ask.attempts, ask.error, ask.next_attempt) == (
        1,
        "ConnectionError: away",
        began + timedelta(hours=1),
    )


async def test_a_long_error_is_cut() -> None:
    async with TestRuntime(Order, charge) as runtime:
        await runtime.tell(Order.at("1"), "x" * 100)
        [ask] = runtime.asks

    assert ask.error == "ConnectionError: the bank is away, 1".ljust(1000, "!") + "…"


async def test_lists_for_operators_have_the_attempts_too() -> None:
    store = MemoryStore()
    async with TestRuntime(Order, charge, store=store) as runtime:
        await runtime.tell(Order.at("1"), "")
        now_ms = int(runtime.clock.now.timestamp() * 1000)
        [listed] = list_asks(store, now_ms=now_ms)
        [around] = view_surroundings(store, Order.at("1")).asks

    assert listed == around
    assert (listed.attempts, listed.error, listed.next_ms) == (
        1,
        "ConnectionError: the bank is away, 1",
        now_ms + 30_000,
    )


async def test_the_delayed_message_of_a_further_attempt_is_shown_as_the_question() -> None:
    async with TestRuntime(Order, charge) as runtime:
        await runtime.tell(Order.at("1"), "x")

        assert [timer.message for timer in runtime.timers] == ["x"]
