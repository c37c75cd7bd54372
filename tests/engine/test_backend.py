"""The engine as a backend of the ingress: its answers to messages, and messages that it does not take."""

from __future__ import annotations

import asyncio

import pytest

from statefun_actors import Entity
from statefun_actors.engine import EngineOptions, ManualClock
from statefun_actors.ingress import (
    Answer,
    AnswerLost,
    GivenUp,
    Handled,
    IngressMessage,
    NotTaken,
    Replied,
    Taken,
    Wait,
)
from statefun_actors.store import MemoryStore
from statefun_actors.types import pack
from tests.engine.asked import SERVED, A, Asked, Gate, Later, Moody, ask, turns
from tests.engine.engines import HeldStore, held, running, until

pytestmark = pytest.mark.usefixtures("closed_gate")


@pytest.mark.parametrize("key", [None, "key"])
@pytest.mark.parametrize(
    ("message", "wait", "answer"),
    [
        (5, Wait.TAKEN, Taken()),
        (5, Wait.HANDLED, Replied(pack(5))),
        (True, Wait.HANDLED, Handled()),
        (b"twice", Wait.HANDLED, Replied(pack("first"))),
        (b"twice", Wait.REPLY, Replied(pack("first"))),
        (5, Wait.REPLY, Replied(pack(5))),
        ("no", Wait.HANDLED, GivenUp("TerminalError: no")),
        ("no", Wait.REPLY, GivenUp("TerminalError: no")),
        (1.5, Wait.HANDLED, GivenUp("ValueError: 1.5")),
    ],
)
async def test_an_answer_is_given_once_it_is_durable(
    message: object, wait: Wait, answer: Answer, key: str | None
) -> None:
    store = HeldStore()
    store.let_go.clear()
    async with running(*SERVED, store=store) as engine:
        asked = ask(engine, A, message, wait, key)
        await until(lambda: store.begun)
        await turns()
        assert not asked.known
        store.let_go.set()

        assert await asked.answer() == answer


@pytest.mark.parametrize("key", [None, "key"])
async def test_a_cancelled_caller_learns_whether_the_message_is_durable(key: str | None) -> None:
    store = HeldStore()
    async with running(*SERVED, store=store) as engine:
        store.let_go.clear()
        early = ask(engine, Gate.at("a"), 1, Wait.HANDLED, key)
        await until(lambda: store.begun)
        late = ask(engine, Gate.at("b"), 1, Wait.HANDLED, key)
        assert early.forget() is False
        store.let_go.set()
        await engine.durable()

        assert late.forget() is True
        assert not early.known
        assert not late.known


@pytest.mark.parametrize("key", [None, "key"])
@pytest.mark.parametrize("wait", Wait)
async def test_a_commit_that_fails_is_reported_and_the_same_key_can_be_used_again(wait: Wait, key: str | None) -> None:
    store, clock = HeldStore(), ManualClock()
    async with running(*SERVED, store=store, clock=clock) as engine:
        store.fail = True
        assert await ask(engine, A, 5, wait, key).answer() == NotTaken("store test: the disk is full")
        refused = await ask(engine, A, 5, wait, key).answer()
        store.fail = False
        await until(lambda: engine.view.lost is None)
        again = await ask(engine, A, 5, Wait.HANDLED, key).answer()

    assert refused == NotTaken("store test: the disk is full")
    assert again == Replied(pack(5))


@pytest.mark.parametrize("key", [None, "key"])
@pytest.mark.parametrize("wait", [Wait.HANDLED, Wait.REPLY])
async def test_after_a_failed_commit_the_caller_of_a_stored_message_is_not_asked_to_send_it_again(
    wait: Wait, key: str | None
) -> None:
    store = HeldStore()
    async with running(*SERVED, store=store) as engine:
        stored = ask(engine, Gate.at("g"), 7, wait, key)
        await until(lambda: Gate.entered)
        await engine.durable()
        store.fail = True
        lost = ask(engine, Gate.at("h"), 7, wait, key)
        answers = [await stored.answer(), await lost.answer()]
        store.fail = False
        Gate.open.set()
        await until(lambda: engine.view.lost is None)
        await engine.idle()

    assert answers == [AnswerLost("store test: the disk is full"), NotTaken("store test: the disk is full")]
    assert Gate.entered == 3  # that of "g" twice


@pytest.mark.parametrize("key", [None, "key"])
async def test_a_delayed_reply_is_a_reply(key: str | None) -> None:
    clock, store = ManualClock(), MemoryStore()
    async with running(*SERVED, clock=clock, store=store) as engine:
        asked = ask(engine, Later.at("l"), True, Wait.REPLY, key)
        given_up = ask(engine, Later.at("m"), True, Wait.REPLY)
        await engine.idle()
        given_up.forget()
        assert not asked.known
        clock.set_ms(clock.now_ms() + 60_000)
        engine.wake()

        assert await asked.answer() == Replied(pack("after a while"))
        await engine.idle()
        assert (engine.view.waiting, dict(engine.view.parked), store.counts()["messages"]) == (0, {}, 0)


async def test_many_letters_are_taken_together() -> None:
    async with running(*SERVED) as engine:
        asked = Asked()
        engine.take_all([IngressMessage(A, pack(n)) for n in range(4)], asked.tell)

        assert await asked.answer() == Taken()
        await engine.idle()
        assert held(engine, A, "n") == 6


async def test_more_than_can_be_held_is_not_taken_and_memory_stays_bounded() -> None:
    async with running(*SERVED, options=EngineOptions(held=10)) as engine:
        answers = [await ask(engine, Gate.at(str(n)), n).answer() for n in range(30)]
        in_memory = engine._core.working_set.mailboxes.held
        Gate.open.set()
        await engine.idle()
        after = await ask(engine, Gate.at("after"), 1, Wait.HANDLED).answer()

    refused = NotTaken("too many entities of test/gate have messages that can't run now")
    assert answers == [Taken()] * 23 + [refused] * 7
    assert in_memory == 8
    assert after == Replied(pack(1))


@pytest.mark.parametrize("served", [Gate, Moody])
async def test_so_are_the_bytes_in_it(served: type[Entity]) -> None:
    """Whether they wait for a handler that takes its time, or behind a message that keeps failing."""
    clock = ManualClock()
    async with running(*SERVED, Moody, clock=clock, options=EngineOptions(held_bytes=200)) as engine:
        answers = [await ask(engine, served.at(str(n)), "x" * 18).answer() for n in range(10)]
        in_memory = engine._core.working_set.mailboxes.bytes
        Gate.open.set()
        Moody.cured = True
        clock.set_ms(clock.now_ms() + 1_000)
        engine.wake()
        await engine.idle()
        after = [await ask(engine, served.at("after"), "x" * 18).answer() for _ in range(10)]

    assert answers == [Taken()] * 10
    assert in_memory < 200
    assert after[0] == Taken()


async def test_an_engine_that_stops_takes_nothing_more() -> None:
    async with running(*SERVED) as engine:
        stopping = asyncio.create_task(engine.stop())
        await asyncio.sleep(0)
        answers = [await ask(engine, A, 5, wait, key).answer() for wait in Wait for key in (None, "key")]
        await stopping

    assert answers == [NotTaken("the engine stops")] * 6
