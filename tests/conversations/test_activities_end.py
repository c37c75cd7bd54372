"""An activity ends with its ask: no attempt begins after its timeout, its cancellation, or an answer from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from statefun_actors import Address, Entity, NoAnswer, ValueMismatchError, activity, answers, handles, persisted
from statefun_actors.admin import EngineControl
from statefun_actors.asking import REPLY
from statefun_actors.dispatch import Application, SystemHost, dispatch, in_handler_task
from statefun_actors.engine import open_asks
from statefun_actors.model import Batch, Done, Invocation, SendAfter
from statefun_actors.store import MemoryStore
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack
from tests.engine.engines import held, running, send, until

RUNS: list[str] = []


@pytest.fixture(autouse=True)
def no_runs() -> Iterator[None]:
    RUNS.clear()
    yield
    RUNS.clear()


@activity("end/charge", attempts=5, backoff=30)
async def charge(message: str, key: str) -> str:
    RUNS.append(key)
    if len(RUNS) < 4:
        raise ConnectionError("the bank is away")
    return "paid"


@activity("end/note")
def note(message: int) -> None: ...


class Order(Entity, typename="end/order"):
    state: str = persisted(default="new")

    @handles
    def place(self, message: str) -> None:
        self.ask(charge, message, then=self.charged, timeout=timedelta(seconds=40))

    @handles
    def wrong(self, message: int) -> None:
        self.ask(note, message, then=self.charged)  # type: ignore[arg-type]

    @handles
    def place_at_chosen_key(self, message: bool) -> None:
        self.ask(charge.at("chosen"), "x", then=self.charged, timeout=timedelta(seconds=40 if message else 1000))

    @answers
    def charged(self, answer: str | NoAnswer) -> None:
        self.state = answer if isinstance(answer, str) else f"{answer.reason} {answer.error}".strip()


async def test_no_attempt_begins_after_the_timeout_of_the_ask() -> None:
    async with TestRuntime(Order, charge) as runtime:
        await runtime.tell(Order.at("1"), "x")
        await runtime.clock.advance(39)
        assert len(RUNS) == 2
        assert len(runtime.timers) == 1
        await runtime.clock.advance(1)
        assert runtime.timers == []
        await runtime.clock.advance(timedelta(days=1))

        assert runtime.state(Order.at("1")).state == "timeout"
        assert len(RUNS) == 2


async def test_asks_of_two_entities_at_one_key_are_tried_again_and_stopped_independently() -> None:
    async def pay(message: str, key: str) -> str:
        RUNS.append(key)
        if len(RUNS) < 7:
            raise ConnectionError("the bank is away")
        return "paid"

    async with TestRuntime(Order, charge.replaced(pay)) as runtime:
        await runtime.tell(Order.at("1"), True)
        await runtime.tell(Order.at("2"), False)
        await runtime.clock.advance(100)  # the first ask ended after 40 seconds, which stops its third attempt
        assert len(runtime.timers) == 1
        await runtime.clock.advance(timedelta(minutes=10))

        assert runtime.state(Order.at("1")).state == "timeout"
        assert runtime.state(Order.at("2")).state == "paid"
        assert RUNS == ["chosen"] * 7


async def test_on_flink_the_further_attempts_of_two_asks_at_one_key_have_two_tokens() -> None:
    questions = [Invocation(pack("x"), Address(REPLY, token)) for token in ("first", "second")]
    batch = Batch(Address("end/charge", "k"), {}, questions)
    outcome = await in_handler_task(dispatch(batch, Application(charge), SystemHost()))

    assert isinstance(outcome, Done)
    tokens = [effect.token for effect in outcome.effects if isinstance(effect, SendAfter)]
    assert tokens == ["end/charge/k a7937b64b8caa58f03721bb6bacf5c78", "end/charge/k 16367aacb67a4a017c8da8ab95682ccb"]


async def test_an_ask_that_is_cancelled_stops_its_activity() -> None:
    async with TestRuntime(Order, charge) as runtime:
        await runtime.tell(Order.at("1"), "x")
        await EngineControl(runtime.engine).cancel_ask(runtime.asks[0].address.id)
        await runtime.settled()
        await runtime.clock.advance(timedelta(days=1))

        assert runtime.state(Order.at("1")).state == "failed cancelled"
        assert len(RUNS) == 1


async def test_an_attempt_that_is_due_when_its_ask_ends_is_the_last() -> None:
    async with TestRuntime(Order, charge) as runtime:
        await runtime.tell(Order.at("1"), "x")
        await EngineControl(runtime.engine).cancel_ask(runtime.asks[0].address.id)
        await runtime.clock.advance(timedelta(days=1))  # the attempt is due before the activity learns of the end

        assert runtime.state(Order.at("1")).state == "failed cancelled"
        assert len(RUNS) <= 2
        assert runtime.timers == []


async def test_an_answer_from_outside_stops_the_activity() -> None:
    async with TestRuntime(Order, charge) as runtime:
        await runtime.tell(Order.at("1"), "x")
        await runtime.answer(runtime.asks[0].address, "paid by hand")
        await runtime.clock.advance(timedelta(days=1))

        assert runtime.state(Order.at("1")).state == "paid by hand"
        assert len(RUNS) == 1


async def test_an_attempt_that_runs_when_its_ask_ends_is_the_last() -> None:
    began, fail = asyncio.Event(), asyncio.Event()

    @activity("end/charge", backoff=0)
    async def slow(message: str) -> str:
        RUNS.append(message)
        began.set()
        await fail.wait()
        raise ConnectionError("the bank is away")

    store = MemoryStore()
    async with running(Order, slow, store=store) as engine:
        send(engine, Order.at("1"), pack("x"))
        await began.wait()
        [ask] = open_asks(store)
        await EngineControl(engine).cancel_ask(ask.token)
        await until(lambda: held(engine, Order.at("1"), "state") == "failed cancelled")
        fail.set()
        await engine.idle()

    assert RUNS == ["x"]


async def test_a_timeout_while_no_engine_ran_stops_the_activity_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with TestRuntime(Order, charge, store=SqliteStore(path)) as runtime:
        await runtime.tell(Order.at("1"), "x")
        later = runtime.clock.now + timedelta(seconds=40)
    async with TestRuntime(Order, charge, store=SqliteStore(path), start=later) as runtime:
        await runtime.settled()
        runs = len(RUNS)
        await runtime.clock.advance(timedelta(days=1))

        assert runtime.state(Order.at("1")).state == "timeout"
        assert len(RUNS) == runs


async def test_a_method_that_does_not_take_what_the_activity_returns_is_refused_at_the_ask() -> None:
    async with TestRuntime(Order, charge, note) as runtime:
        with pytest.raises(ValueMismatchError) as refused:
            await runtime.tell(Order.at("1"), 5)

    assert str(refused.value) == (
        "expected a then= that takes `bool`, the answer of note, got Order.charged, which takes str, NoAnswer"
    )
