"""The engine as a backend of the ingress: repeats of an idempotency key."""

from __future__ import annotations

import pytest

from statefun_actors.engine import ManualClock
from statefun_actors.ingress import Interrupted, KeyReused, Replied, Taken, Wait
from statefun_actors.model import TypedValue
from statefun_actors.store import MemoryStore
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import pack
from tests.engine.asked import SERVED, A, Counter, Gate, Later, ask
from tests.engine.engines import HeldStore, held, running, until

pytestmark = pytest.mark.usefixtures("closed_gate")


async def test_a_repeat_gets_the_first_result_and_nothing_happens_again() -> None:
    async with running(*SERVED) as engine:
        first = await ask(engine, A, 5, Wait.HANDLED, "key").answer()
        again = [await ask(engine, A, 5, wait, "key").answer() for wait in Wait]
        other = await ask(engine, Counter.at("b"), 5, Wait.HANDLED, "key").answer()

        assert [first, *again, other] == [Replied(pack(5))] * 5
        assert held(engine, A, "n") == 5


async def test_a_repeat_of_a_call_that_did_not_wait_gets_that_it_is_taken() -> None:
    async with running(*SERVED) as engine:
        await ask(engine, A, 5, Wait.TAKEN, "key").answer()

        assert await ask(engine, A, 5, Wait.HANDLED, "key").answer() == Taken()
        assert held(engine, A, "n") == 5


@pytest.mark.parametrize("other", [6, True, "5", TypedValue("test/of-the-same-bytes", pack(5).value)])
async def test_another_message_under_the_same_key_is_refused(other: object) -> None:
    async with running(*SERVED) as engine:
        asked = ask(engine, A, 5, Wait.HANDLED, "key")
        at_once = await ask(engine, A, other, Wait.HANDLED, "key").answer()
        await asked.answer()
        later = await ask(engine, A, other, Wait.HANDLED, "key").answer()

        assert at_once == later == KeyReused("key")
        assert held(engine, A, "n") == 5


async def test_a_repeat_while_the_first_is_in_flight_waits_for_it() -> None:
    async with running(*SERVED) as engine:
        gate = Gate.at("g")
        first = ask(engine, gate, 7, Wait.HANDLED, "key")
        await until(lambda: Gate.entered)
        second = ask(engine, gate, 7, Wait.HANDLED, "key")
        taken = await ask(engine, gate, 7, Wait.TAKEN, "key").answer()
        assert not first.known
        assert not second.known
        Gate.open.set()

        assert (taken, await first.answer(), await second.answer()) == (Taken(), Replied(pack(7)), Replied(pack(7)))
        assert Gate.entered == 1


async def test_the_result_of_a_cancelled_wait_is_kept_for_a_repeat() -> None:
    async with running(*SERVED) as engine:
        gate = Gate.at("g")
        first = ask(engine, gate, 7, Wait.HANDLED, "key")
        await until(lambda: Gate.entered)
        first.forget()
        Gate.open.set()

        assert await ask(engine, gate, 7, Wait.HANDLED, "key").answer() == Replied(pack(7))
        assert not first.known


async def test_a_key_counts_for_a_day_and_then_its_row_goes_away() -> None:
    store, clock = MemoryStore(), ManualClock()
    async with running(*SERVED, store=store, clock=clock) as engine:
        await ask(engine, A, 5, Wait.HANDLED, "key").answer()
        await ask(engine, A, 5, Wait.HANDLED, "other").answer()
        clock.set_ms(clock.now_ms() + 86_399_999)
        before = await ask(engine, A, 5, Wait.HANDLED, "key").answer()
        clock.set_ms(clock.now_ms() + 1)
        after = await ask(engine, A, 5, Wait.HANDLED, "key").answer()

    assert (before, after) == (Replied(pack(5)), Replied(pack(15)))
    assert [row.key for row in store.requests()] == ["key"]


async def test_a_key_that_is_used_again_is_not_swept_away_with_its_old_row() -> None:
    store, clock = HeldStore(), ManualClock()
    async with running(*SERVED, store=store, clock=clock) as engine:
        await ask(engine, A, 5, Wait.HANDLED, "key").answer()
        clock.set_ms(clock.now_ms() + 86_400_000)
        begun = store.begun
        store.let_go.clear()
        again = ask(engine, A, 5, Wait.HANDLED, "key")
        await until(lambda: store.begun > begun)
        clock.set_ms(clock.now_ms() + 60_000)
        other = ask(engine, A, 5, Wait.TAKEN, "other")
        store.let_go.set()
        await other.answer()

        assert await again.answer() == Replied(pack(10))
        assert await ask(engine, A, 5, Wait.HANDLED, "key").answer() == Replied(pack(10))


async def test_over_a_restart_a_repeat_gets_the_first_result_and_who_was_pending_gets_it_too(tmp_path: object) -> None:
    path = f"{tmp_path}/store.db"
    store = SqliteStore(path)
    async with running(*SERVED, store=store) as engine:
        await ask(engine, A, 5, Wait.HANDLED, "key").answer()
        pending = ask(engine, Gate.at("g"), 7, Wait.HANDLED, "key")
        open_end = ask(engine, Later.at("l"), 1, Wait.REPLY, "key")
        taken = await ask(engine, Gate.at("g"), 7, Wait.TAKEN, "key").answer()
        await ask(engine, Later.at("l"), 1, Wait.TAKEN, "key").answer()
    answers = [await pending.answer(), await open_end.answer()]
    store.close()

    store = SqliteStore(path)
    async with running(*SERVED, store=store) as engine:
        repeated = await ask(engine, A, 5, Wait.HANDLED, "key").answer()
        pending = ask(engine, Gate.at("g"), 7, Wait.HANDLED, "key")
        Gate.open.set()
        found = await pending.answer()
        open_end = ask(engine, Later.at("l"), 1, Wait.REPLY, "key")
        await ask(engine, Later.at("l"), "here", Wait.HANDLED).answer()
        last = await open_end.answer()
    store.close()

    assert (taken, answers) == (Taken(), [Interrupted(), Interrupted()])
    assert (repeated, found, last) == (Replied(pack(5)), Replied(pack(7)), Replied(pack("here")))
