"""Edge cases of idempotency keys: other messages, a key used again after a day, a refused neighbour."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest

from statefun_actors import Entity, TypedValue, handles, persisted
from statefun_actors.asking import KEY_KEPT_MS
from statefun_actors.engine import ManualClock
from statefun_actors.ingress import GivenUp, IngressMessage, KeyReused, Replied, Taken, Wait
from statefun_actors.store import Commit, KeyedRequest, MemoryStore, RequestState
from statefun_actors.types import pack
from tests.engine.asked import ask
from tests.engine.engines import held, running, until
from tests.engine.refusing import POISON, RefusingStore


class Gate(Entity, typename="test/gate"):
    """Its handler waits until the test releases it."""

    entered: ClassVar[int] = 0
    open: ClassVar[asyncio.Event]
    n: int = persisted(default=0)

    @handles(int)
    async def wait(self, message: int) -> int:
        Gate.entered += 1
        await Gate.open.wait()
        self.n += message
        return self.n


A, B = Gate.at("a"), Gate.at("b")


@pytest.fixture(autouse=True)
def closed_gate() -> None:
    Gate.open, Gate.entered = asyncio.Event(), 0


async def test_the_type_of_a_message_and_its_bytes_are_distinguished() -> None:
    async with running(Gate) as engine:
        answers: list[object] = []
        for value in (TypedValue("test/a", b"bc"), TypedValue("test/ab", b"c"), TypedValue("test/a", b"bc")):
            engine.take(IngressMessage(A, value, key="k"), answers.append)
            await engine.durable()

        assert answers == [Taken(), KeyReused("k"), Taken()]


async def test_a_late_result_of_a_key_does_not_replace_what_is_kept_of_its_next_message() -> None:
    store, clock = MemoryStore(), ManualClock()
    async with running(Gate, store=store, clock=clock) as engine:
        first = ask(engine, A, 1, Wait.HANDLED, "key")
        await until(lambda: Gate.entered == 1)
        await engine.durable()
        clock.set_ms(clock.now_ms() + KEY_KEPT_MS)
        again = ask(engine, A, 2, Wait.TAKEN, "key")
        answer = await again.answer()
        Gate.open.set()
        await engine.idle()
        repeats = [await ask(engine, A, message, Wait.TAKEN, "key").answer() for message in (2, 1)]

        assert [answer, *repeats] == [Taken(), Taken(), KeyReused("key")]
        assert await first.answer() == Replied(pack(1))
        assert held(engine, A, "n") == 3
    [row] = store.requests()
    assert row.state is RequestState.TAKEN


async def test_a_caller_gets_an_answer_that_comes_after_its_key_is_forgotten() -> None:
    store, clock = MemoryStore(), ManualClock()
    async with running(Gate, store=store, clock=clock) as engine:
        callers = [ask(engine, A, 1, wait, "key") for wait in (Wait.HANDLED, Wait.REPLY)]
        gone = ask(engine, A, 1, Wait.HANDLED, "key")
        await until(lambda: Gate.entered == 1)
        await engine.durable()
        clock.set_ms(clock.now_ms() + KEY_KEPT_MS)
        await ask(engine, B, 2, Wait.TAKEN, "other").answer()  # deletes the rows of yesterday
        gone.forget()
        kept = [row.key for row in store.requests()]
        Gate.open.set()

        assert [await caller.answer() for caller in callers] == [Replied(pack(1))] * 2
        await engine.idle()
        assert kept == [row.key for row in store.requests()] == ["other"]
        assert not gone.known


async def test_a_caller_whose_key_is_forgotten_gets_its_answer_though_a_neighbour_is_refused() -> None:
    store, clock = RefusingStore(("request",)), ManualClock()
    async with running(Gate, store=store, clock=clock) as engine:
        caller = ask(engine, A, 1, Wait.HANDLED, "key")
        await until(lambda: Gate.entered == 1)
        await engine.durable()
        clock.set_ms(clock.now_ms() + KEY_KEPT_MS)
        await ask(engine, B, 2, Wait.TAKEN, "other").answer()  # deletes the rows of yesterday
        refused = await ask(engine, B, 3, Wait.TAKEN, POISON).answer()
        Gate.open.set()

        assert isinstance(refused, GivenUp)
        assert await caller.answer() == Replied(pack(1))


async def test_all_old_keys_go_however_many_there_are() -> None:
    store, clock = MemoryStore(), ManualClock()
    old = [KeyedRequest(A, f"{number}", "digest", 0, f"{number}", RequestState.TAKEN) for number in range(1_200)]
    await store.commit(Commit(requests=old, next_seq=2_000))
    Gate.open.set()
    async with running(Gate, store=store, clock=clock) as engine:
        for number in range(4):
            await ask(engine, A, number, Wait.TAKEN, f"new {number}").answer()
            await engine.idle()

    assert sorted(row.key for row in store.requests()) == [f"new {number}" for number in range(4)]


async def test_a_keyed_request_that_is_stored_gets_its_answer_though_another_submission_is_refused() -> None:
    store = RefusingStore(("request",))
    async with running(Gate, store=store) as engine:
        innocent = ask(engine, A, 5, Wait.HANDLED, "key")
        await until(lambda: Gate.entered == 1)
        await engine.durable()
        guilty = ask(engine, B, 1, Wait.TAKEN, POISON)
        refused = await guilty.answer()
        Gate.open.set()

        assert isinstance(refused, GivenUp)
        assert await innocent.answer() == Replied(pack(5))
        await engine.idle()
        assert (held(engine, A, "n"), held(engine, B, "n")) == (5, None)
