"""The engine: the order of messages, failures, delays and expiry."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import pytest

from statefun_actors import Entity, TerminalError, handles, persisted
from statefun_actors.engine import EngineOptions, ManualClock
from statefun_actors.ingress import Answer, IngressMessage, Replied, Wait
from statefun_actors.model import TypedValue
from statefun_actors.store import MemoryStore
from statefun_actors.types import pack, value_of
from tests.engine.counters import Counter
from tests.engine.engines import held, running, send


class Recorder(Entity, typename="test/recorder"):
    seen: list[int] = persisted(factory=list)

    @handles(int)
    def note(self, message: int) -> None:
        self.seen.append(message)


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
