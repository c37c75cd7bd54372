"""Messages of paused entities and types wait, in order, until they are resumed."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest

from statefun_actors import activity
from statefun_actors.engine import EngineOptions, ManualClock, NotFailingError
from statefun_actors.ingress import Answer, IngressMessage, Wait
from statefun_actors.store import Commit, MemoryStore, PauseTarget, pauses_position
from statefun_actors.types import pack
from tests.engine.engines import HeldStore, Listed, held, running, send, until
from tests.engine.tallies import OTHER, A, B, Slow, Tally, pause, resume, send_all

pytestmark = pytest.mark.usefixtures("nothing_handled")


@pytest.mark.parametrize("target", [A, A.typename], ids=["entity", "type"])
@pytest.mark.parametrize("number", [1, 7, 200])
async def test_messages_of_a_paused_entity_wait_in_their_order(target: PauseTarget, number: int) -> None:
    store = MemoryStore()
    async with running(Tally, store=store, options=EngineOptions(mailbox=3)) as engine:
        await pause(engine, target)
        send_all(engine, range(number))
        send(engine, B, pack(1_000))
        await engine.idle()
        waiting, held_in_memory = engine.view.waiting_paused, engine._core.working_set.mailboxes.held
        durable = sum(message.target == A for message in store.messages())
        handled = list(Tally.handled)
        await resume(engine, target)
        await engine.idle()

    assert waiting == number + (target == A.typename)
    assert durable == number
    assert held_in_memory == 0
    assert handled == ([] if target == A.typename else [1_000])
    assert [each for each in Tally.handled if each < 1_000] == list(range(number))


async def test_others_are_handled_while_one_is_paused() -> None:
    async with running(Tally, sources={"in": Listed([(A, 1), (B, 2), (A, 3), (B, 4)])}) as engine:
        await pause(engine, A)
        await engine.idle()

        assert held(engine, B, "numbers") == [2, 4]
        assert held(engine, A, "numbers") is None
        assert engine.view.waiting == engine.view.waiting_paused == 2


async def test_a_paused_entity_with_many_messages_does_not_slow_a_source_down() -> None:
    numbers = [(A, number) for number in range(300)] + [(B, number) for number in range(300)]
    options = EngineOptions(waiting=10, held=20, mailbox=10)
    async with running(Tally, sources={"in": Listed(numbers)}, options=options) as engine:
        await pause(engine, A)
        await engine.idle()
        await resume(engine, A)
        await engine.idle()

        assert held(engine, A, "numbers") == held(engine, B, "numbers") == list(range(300))


async def test_a_source_of_messages_of_a_paused_entity_waits_for_the_store() -> None:
    class Slowly(HeldStore):
        """Takes many iterations of the event loop for each commit."""

        sizes: ClassVar[list[int]] = []

        async def commit(self, commit: Commit) -> None:
            Slowly.sizes.append(len(commit.messages))
            for _ in range(50):
                await asyncio.sleep(0)
            await super().commit(commit)

    store, number = Slowly(), 2_000
    await store.commit(Commit(positions=pauses_position({A: 0})))
    source = Listed([(A, each) for each in range(number)])
    async with running(Tally, store=store, sources={"in": source}, options=EngineOptions(waiting=100)) as engine:
        await engine.idle()

        assert sum(Slowly.sizes) == engine.view.waiting_paused == number
        assert max(Slowly.sizes) <= 100


async def test_waiting_messages_stay_paused_and_a_batch_in_flight_ends() -> None:
    Slow.gate = asyncio.Event()
    async with running(Slow) as engine:
        send(engine, OTHER, pack(1))
        await until(lambda: engine._loop._runner.suspended)
        send(engine, OTHER, pack(10))
        await pause(engine, OTHER)
        Slow.gate.set()
        await engine.idle()
        paused = held(engine, OTHER, "total")
        await resume(engine, OTHER)
        await engine.idle()

        assert (paused, held(engine, OTHER, "total")) == (1, 11)


async def test_the_log_of_a_message_that_fails_after_a_pause_names_no_time(caplog: pytest.LogCaptureFixture) -> None:
    Slow.gate = asyncio.Event()
    async with running(Slow) as engine:
        send(engine, OTHER, pack(-1))
        await until(lambda: engine._loop._runner.suspended)
        await pause(engine, OTHER)
        Slow.gate.set()
        await engine.idle()

    assert (
        "test/slow/a: attempt 1 of a message of type io.statefun.types/long failed, the next when its entity is "
        "resumed: ValueError: -1 is negative"
    ) in caplog.messages


async def test_delayed_messages_that_become_due_wait_too() -> None:
    clock = ManualClock()
    async with running(Tally, clock=clock) as engine:
        for number, delay_ms in ((2, 2_000), (1, 1_000)):
            send(engine, A, pack(number), delay_ms=delay_ms)
        await pause(engine, A)
        clock.set_ms(clock.now_ms() + 5_000)
        engine.wake()
        await until(lambda: engine.view.waiting == 2)
        await engine.idle()
        paused = held(engine, A, "numbers")
        await resume(engine, A)
        await engine.idle()

        assert (paused, held(engine, A, "numbers")) == (None, [1, 2])


async def test_a_failing_message_of_a_paused_entity_is_not_tried_and_can_be_dropped() -> None:
    clock = ManualClock()
    async with running(Tally, clock=clock) as engine:
        send_all(engine, [-1, 1, 2])
        await engine.settled()
        tries = Tally.handled.count(-1)
        await pause(engine, A)
        clock.set_ms(clock.now_ms() + 600_000)
        engine.wake()
        await engine.idle()
        [failing] = engine.view.failing_messages()
        with pytest.raises(NotFailingError) as refused:
            engine.changes.retry_failing(A)

        assert Tally.handled.count(-1) == tries
        assert (failing.paused, failing.next_ms, failing.behind) == (True, None, 2)
        assert failing.describe(clock.now_ms()) == (
            f"the first message of test/tally/a has failed {f'{tries} times' if tries > 1 else 'once'}, last with "
            "ValueError: -1 is negative; its entity is paused; 2 more wait behind it"
        )
        assert str(refused.value) == (
            "test/tally/a: its messages are paused; resume it first. `statefun-actors failing` lists the messages "
            "that are failing."
        )
        await engine.apply(lambda: engine.changes.drop_failing(A))
        await resume(engine, A)
        await engine.idle()
        assert held(engine, A, "numbers") == [1, 2]


async def test_a_failing_message_is_tried_at_once_when_its_entity_is_resumed() -> None:
    async with running(Tally) as engine:
        send_all(engine, [-1])
        await engine.settled()
        await pause(engine, A.typename)
        tries = Tally.handled.count(-1)
        await resume(engine, A.typename)
        await until(lambda: Tally.handled.count(-1) > tries)


async def test_an_activity_can_be_paused() -> None:
    calls: list[int] = []

    @activity(typename="test/call")
    def call(number: int) -> None:
        calls.append(number)

    async with running(call) as engine:
        await pause(engine, "test/call")
        send(engine, call.at("x"), pack(1))
        await engine.idle()
        before = list(calls)
        await resume(engine, "test/call")
        await engine.idle()

        assert (before, calls) == ([], [1])


async def test_a_caller_of_a_paused_entity_is_answered_after_the_resume() -> None:
    answers: list[Answer] = []
    async with running(Tally) as engine:
        await pause(engine, A)
        engine.take(IngressMessage(A, pack(1), wait=Wait.HANDLED), answers.append)
        await engine.idle()
        reason, none = engine.failing(A), engine.failing(B)
        before = list(answers)
        await resume(engine, A)
        await until(lambda: answers)

        assert (before, none) == ([], None)
        assert reason == "test/tally/a is paused since 2026-01-01T00:00:00Z; its messages wait until it is resumed"
