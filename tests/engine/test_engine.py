"""The engine: epochs, order, failures, restarts. Over a memory store whose commits can be held up or made to fail."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import ClassVar

import pytest

from statefun_actors import Entity, TerminalError, handles, persisted
from statefun_actors.engine import EngineOptions, EpochLostError, ManualClock
from statefun_actors.ingress import Answer, AnswerLost, IngressMessage, NotTaken, Replied, Wait
from statefun_actors.model import TypedValue
from statefun_actors.store import Commit, MemoryStore, Message
from statefun_actors.types import pack, value_of
from tests.engine.engines import HeldStore, held, running, send, until


class Counter(Entity, typename="test/counter"):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> int:
        self.n += message
        return self.n


class Gate(Entity, typename="test/gate"):
    """Its handler waits until the test releases it."""

    entered: ClassVar[list[str]] = []
    open: ClassVar[asyncio.Event]
    n: int = persisted(default=0)

    @handles(int)
    async def wait(self, message: int) -> None:
        Gate.entered.append(self.id)
        await Gate.open.wait()
        self.n += message


class Recorder(Entity, typename="test/recorder"):
    seen: list[int] = persisted(factory=list)

    @handles(int)
    def note(self, message: int) -> None:
        self.seen.append(message)


class Shouter(Entity, typename="test/shouter"):
    """Its first run shouts once, the second one twice."""

    runs: ClassVar[int] = 0

    @handles(int)
    def shout(self, message: int) -> None:
        Shouter.runs += 1
        for _ in range(Shouter.runs):
            self.send_egress("test/shouts", message)


class Relay(Entity, typename="test/relay"):
    @handles(int)
    def relay(self, message: int) -> None:
        self.send(Recorder.at("r"), message)


class Moody(Entity, typename="test/moody"):
    """Fails on 13 until the test repairs it, and discards 14."""

    cured: ClassVar[bool] = False
    runs: ClassVar[int] = 0
    seen: list[int] = persisted(factory=list)

    @handles(int)
    def note(self, message: int) -> None:
        if message == 13 and not Moody.cured:
            Moody.runs += 1
            raise ValueError("thirteen")
        if message == 14:
            raise TerminalError("fourteen")
        self.seen.append(message)


class Later(Entity, typename="test/later"):
    @handles(int)
    def plan(self, message: int) -> None:
        self.send_after(message, Recorder.at("r"), message)

    @handles(str)
    def plan_with_token(self, message: str) -> None:
        if message == "cancel":
            self.cancel("t")
        else:
            self.send_after(float(message), Recorder.at("r"), int(float(message)), cancellation_token="t")


class Fading(Entity, typename="test/fading"):
    written: str | None = persisted(default=None, expire_after_write=timedelta(seconds=10))
    called: str | None = persisted(default=None, expire_after_call=timedelta(seconds=10))

    @handles(str)
    def write(self, message: str) -> None:
        self.written = message
        self.called = message

    @handles(int)
    def touch(self, message: int) -> str:
        return f"{self.written} {self.called}"


async def test_the_next_epoch_runs_while_one_is_written_and_falls_with_it() -> None:
    store = HeldStore()
    async with running(Counter, store=store) as engine:
        store.let_go.clear()
        send(engine, Counter.at("a"), pack(1))
        await until(lambda: store.begun == 1)
        send(engine, Counter.at("a"), pack(1))
        second = asyncio.create_task(engine.durable())
        await until(lambda: held(engine, Counter.at("a"), "n") == 2)
        store.fail = True
        store.let_go.set()
        with pytest.raises(EpochLostError) as raised:
            await second
        store.fail = False
        await engine.idle()

        assert str(raised.value) == "not stored, so send it again: store test: the disk is full"
        assert held(engine, Counter.at("a"), "n") is None
        assert store.load([Counter.at("a")]) == [None]


async def test_a_failed_commit_loses_nothing_that_was_durable() -> None:
    store, answers = HeldStore(), list[Answer]()
    async with running(Counter, store=store) as engine:
        send(engine, Counter.at("a"), pack(5))
        await engine.durable()
        store.fail = True
        send(engine, Counter.at("a"), pack(7))
        with pytest.raises(EpochLostError):
            await engine.durable()
        engine.take(IngressMessage(Counter.at("a"), pack(7)), answers.append)
        store.fail = False
        await engine.idle()
        send(engine, Counter.at("a"), pack(1))
        await engine.durable()

        assert held(engine, Counter.at("a"), "n") == 6
        assert answers == [NotTaken("store test: the disk is full")]
        assert engine.view.error is None


async def test_a_read_that_fails_while_a_commit_is_written_runs_nothing_of_that_commit_twice() -> None:
    store, Shouter.runs = HeldStore(), 0
    await store.commit(Commit(messages=[Message(1, Shouter.at("a"), pack(5))], next_seq=2))
    answers: list[Answer] = []
    async with running(Shouter, Counter, store=store) as engine:
        store.let_go.clear()
        await until(lambda: store.begun == 2)  # which deals with that message
        durable = asyncio.create_task(engine.durable())
        store.fail_reads = 1
        engine.take(IngressMessage(Counter.at("b"), pack(1), wait=Wait.HANDLED), answers.append)
        for _ in range(20):
            await asyncio.sleep(0)
        store.let_go.set()
        await asyncio.wait([durable])
        await engine.idle()

        assert len(store.egress_after(0, 10)) == 1
        assert answers == [NotTaken("store test: the disk can't be read")]
        assert held(engine, Counter.at("b"), "n") is None
        assert store.counts()["messages"] == 0


async def test_a_commit_that_succeeds_while_the_memory_is_lost_counts_for_those_who_wait() -> None:
    Gate.open, Gate.entered = asyncio.Event(), []
    store, answers = HeldStore(), list[Answer]()
    async with running(Gate, Counter, store=store) as engine:
        store.let_go.clear()
        engine.take(IngressMessage(Gate.at("slow"), pack(1), wait=Wait.HANDLED), answers.append)
        await until(lambda: Gate.entered)
        await until(lambda: store.begun)
        store.fail_reads = 1
        send(engine, Counter.at("b"), pack(1))
        await until(lambda: engine.view.lost)
        early = list(answers)
        store.let_go.set()
        await until(lambda: answers)
        Gate.open.set()
        await engine.idle()

        assert (early, answers) == ([], [AnswerLost("store test: the disk can't be read")])
        assert held(engine, Gate.at("slow"), "n") == 1


async def test_replies_are_released_only_once_their_epoch_is_durable() -> None:
    store = HeldStore()
    answers: list[Answer] = []
    async with running(Counter, store=store) as engine:
        store.let_go.clear()
        engine.take(IngressMessage(Counter.at("a"), pack(1), wait=Wait.HANDLED), answers.append)
        await until(lambda: store.begun == 1)
        before = list(answers)
        store.let_go.set()
        await engine.idle()

        assert (before, answers) == ([], [Replied(pack(1))])


async def test_callers_that_wait_for_a_reply_get_an_error_when_the_epoch_is_lost() -> None:
    store = HeldStore()
    answers: list[Answer] = []
    async with running(Counter, store=store) as engine:
        store.fail = True
        engine.take(IngressMessage(Counter.at("a"), pack(1), wait=Wait.REPLY), answers.append)
        await until(lambda: answers)
        store.fail = False

        assert answers == [NotTaken("store test: the disk is full")]


async def test_a_suspended_handler_delays_nobody_else_and_its_message_counts_as_waiting() -> None:
    Gate.open, Gate.entered = asyncio.Event(), []
    store = MemoryStore()
    async with running(Gate, Counter, store=store) as engine:
        send(engine, Gate.at("slow"), pack(1))
        await until(lambda: Gate.entered)
        send(engine, Counter.at("quick"), pack(1))
        await engine.durable()
        counts = dict(store.counts())
        Gate.open.set()
        await engine.idle()

        assert (counts["messages"], counts["test/counter"]) == (1, 1)
        assert held(engine, Gate.at("slow"), "n") == 1
        assert store.counts()["messages"] == 0


async def test_a_message_whose_handler_was_suspended_at_a_stop_runs_again_at_the_next_start() -> None:
    Gate.open, Gate.entered = asyncio.Event(), []
    store = MemoryStore()
    async with running(Gate, store=store) as engine:
        send(engine, Gate.at("slow"), pack(1))
        await until(lambda: Gate.entered)
    Gate.open.set()
    async with running(Gate, store=store) as engine:
        await engine.idle()

        assert Gate.entered == ["slow", "slow"]
        assert held(engine, Gate.at("slow"), "n") == 1


async def test_thousands_of_handlers_are_suspended_together_one_batch_for_each_address() -> None:
    Gate.open, Gate.entered = asyncio.Event(), []
    async with running(Gate) as engine:
        for _ in range(2):
            for index in range(3_000):
                send(engine, Gate.at(str(index)), pack(1))
            await until(lambda: len(Gate.entered) == 3_000)
        Gate.open.set()
        await engine.idle()

        assert len(Gate.entered) == 6_000
        assert {held(engine, Gate.at(str(index)), "n") for index in range(3_000)} == {2}


async def test_a_lost_commit_drops_what_suspended_handlers_were_doing() -> None:
    Gate.open, Gate.entered = asyncio.Event(), []
    store = HeldStore()
    async with running(Gate, Counter, store=store) as engine:
        send(engine, Gate.at("slow"), pack(1))
        await engine.durable()
        await until(lambda: Gate.entered)
        store.fail = True
        send(engine, Counter.at("a"), pack(1))
        with pytest.raises(EpochLostError):
            await engine.durable()
        store.fail = False
        Gate.open.set()
        await engine.idle()

        assert Gate.entered == ["slow", "slow"]
        assert held(engine, Gate.at("slow"), "n") == 1
        assert held(engine, Counter.at("a"), "n") is None


async def test_messages_from_one_sender_to_one_receiver_arrive_in_order() -> None:
    async with running(Relay, Recorder, options=EngineOptions(batch=7, epoch_steps=20)) as engine:
        for number in range(500):
            send(engine, Relay.at("only"), pack(number))
        await engine.idle()

        assert held(engine, Recorder.at("r"), "seen") == list(range(500))


@pytest.mark.parametrize("epoch_steps", [3, 500])
async def test_a_message_for_a_mailbox_already_taken_to_run_is_handled_once(epoch_steps: int) -> None:
    async with running(Relay, Recorder, options=EngineOptions(epoch_steps=epoch_steps)) as engine:
        for number in range(20):
            send(engine, Relay.at(str(number)), pack(number))
            send(engine, Recorder.at("r"), pack(100 + number))
        await engine.idle()
        seen = held(engine, Recorder.at("r"), "seen")

        assert isinstance(seen, list)
        assert sorted(seen) == [*range(20), *range(100, 120)]
        assert engine.view.counters.handled == 60


async def test_a_failing_message_waits_with_what_is_behind_it_and_nothing_else_does() -> None:
    Moody.cured, Moody.runs = False, 0
    clock = ManualClock()
    async with running(Moody, clock=clock) as engine:
        for number in (1, 2, 13, 3):
            send(engine, Moody.at("a"), pack(number))
        send(engine, Moody.at("b"), pack(4))
        await engine.settled()
        first = held(engine, Moody.at("a"), "seen")
        [failing] = engine.view.failing_messages()
        failing_then = (failing.message.target, failing.error)
        due = engine.view.next_due()
        assert due is not None
        waits = []
        for _ in range(3):
            waits.append(due - clock.now_ms())
            clock.set_ms(due)
            await engine.settled()
            due = engine.view.next_due()
            assert due is not None
        Moody.cured = True
        clock.set_ms(due)
        await engine.idle()

        assert first == [1, 2]
        assert failing_then == (Moody.at("a"), "thirteen")
        assert waits == [100, 200, 400]
        assert held(engine, Moody.at("a"), "seen") == [1, 2, 13, 3]
        assert held(engine, Moody.at("b"), "seen") == [4]


async def test_permanent_failures_become_dead_letters() -> None:
    store = MemoryStore()
    async with running(Moody, store=store) as engine:
        for value in (pack(1), pack(14), pack("no handler"), TypedValue("io.statefun.types/long", b"\xff"), pack(2)):
            send(engine, Moody.at("a"), value)
        await engine.idle()

        assert held(engine, Moody.at("a"), "seen") == [1, 2]
        assert [(entry.error_type, entry.attempts) for entry in store.dead_letters()] == [
            ("TerminalError", 1),
            ("UnhandledMessageError", 1),
            ("MessageDecodeError", 1),
        ]


async def test_messages_for_unserved_types_are_kept_for_a_run_that_serves_them() -> None:
    store = MemoryStore()
    async with running(Relay, store=store) as engine:
        send(engine, Relay.at("x"), pack(1))
        await engine.idle()
        parked = dict(engine.view.parked)
    async with running(Relay, Recorder, store=store) as engine:
        await engine.idle()

        assert parked == {"test/recorder": 1}
        assert held(engine, Recorder.at("r"), "seen") == [1]


async def test_delayed_messages_survive_a_restart_and_fire_late_ones_first_in_order() -> None:
    store, clock = MemoryStore(), ManualClock()
    async with running(Later, Recorder, store=store, clock=clock) as engine:
        for delay in (30, 10, 20, 500):
            send(engine, Later.at("x"), pack(delay))
        await engine.idle()
    clock.set_ms(clock.now_ms() + 60_000)
    async with running(Later, Recorder, store=store, clock=clock) as engine:
        await engine.idle()

        assert held(engine, Recorder.at("r"), "seen") == [10, 20, 30]
        assert store.counts()["timers"] == 1


@pytest.mark.parametrize("restart", [False, True])
async def test_a_token_replaces_and_cancels_what_its_sender_has_pending(*, restart: bool) -> None:
    store, clock = MemoryStore(), ManualClock()
    async with running(Later, Recorder, store=store, clock=clock) as engine:
        send(engine, Later.at("x"), pack("5"))
        send(engine, Later.at("y"), pack("7"))
        await engine.idle()
        if not restart:
            send(engine, Later.at("x"), pack("9"))
            send(engine, Later.at("y"), pack("cancel"))
            await engine.idle()
    async with running(Later, Recorder, store=store, clock=clock) as engine:
        if restart:
            send(engine, Later.at("x"), pack("9"))
            send(engine, Later.at("y"), pack("cancel"))
            await engine.idle()
        pending = [value_of(timer.value) for timer in store.timers_after(-1, 0, 10)]
        clock.set_ms(clock.now_ms() + 60_000)
        await engine.idle()

        assert pending == [9]
        assert held(engine, Recorder.at("r"), "seen") == [9]


async def test_state_expires_after_its_write_or_after_the_last_call_and_leaves_the_store() -> None:
    store, clock = MemoryStore(), ManualClock()
    replies: list[object] = []

    def on_answer(answer: Answer) -> None:
        if isinstance(answer, Replied):
            replies.append(value_of(answer.value))

    def ask(value: object) -> None:
        engine.take(IngressMessage(Fading.at("x"), pack(value), wait=Wait.REPLY), on_answer)

    async with running(Fading, store=store, clock=clock) as engine:
        ask("v")
        await engine.idle()
        for seconds in (6, 6, 11):
            clock.set_ms(clock.now_ms() + seconds * 1_000)
            ask(1)
            await engine.idle()
        clock.set_ms(clock.now_ms() + 120_000)
        await engine.idle()

        assert replies == ["v v", "None v", "None None"]
        assert "test/fading" not in store.counts() or store.counts()["test/fading"] == 0


async def test_a_cache_smaller_than_the_population_changes_nothing_but_speed() -> None:
    async with running(Counter, options=EngineOptions(cache_bytes=5_000, epoch_steps=10)) as engine:
        for _ in range(3):
            for index in range(200):
                send(engine, Counter.at(str(index)), pack(1))
        await engine.idle()

        assert {held(engine, Counter.at(str(index)), "n") for index in range(200)} == {3}


async def test_messages_of_successive_loop_iterations_share_a_commit() -> None:
    store = HeldStore()
    async with running(Counter, store=store) as engine:
        for _ in range(3):
            send(engine, Counter.at("a"), pack(1))
            send(engine, Counter.at("b"), pack(1))
            await asyncio.sleep(0)
        await engine.idle()

    assert store.begun == 1


async def test_a_message_that_comes_alone_waits_for_no_other() -> None:
    store = HeldStore()
    async with running(Counter, store=store) as engine:

        async def turns_until_a_commit_of(messages: int) -> int:
            await engine.idle()
            store.begun = turns = 0
            for _ in range(messages):
                send(engine, Counter.at("a"), pack(1))
            while not store.begun:
                await asyncio.sleep(0)
                turns += 1
            return turns

        alone, alone_again = await turns_until_a_commit_of(1), await turns_until_a_commit_of(1)
        assert await turns_until_a_commit_of(2) == alone + 1 == alone_again + 1


async def test_no_stream_of_messages_keeps_an_epoch_open() -> None:
    store = HeldStore()
    async with running(Counter, store=store) as engine:
        turns = 0
        while not store.begun:
            send(engine, Counter.at("a"), pack(1))
            send(engine, Counter.at("b"), pack(1))
            await asyncio.sleep(0)
            turns += 1
            assert turns < 20
