"""Handlers in threads, handlers that take too long, and handlers that can't be cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar

import pytest

from statefun_actors import Discard, Entity, NoAnswer, Settings, activity, answers, handles, persisted
from statefun_actors.engine import EpochLostError, ManualClock
from statefun_actors.types import pack
from tests.engine.engines import DEADLINE, HeldStore, held, running, send, until

AT_ONCE = Settings().handler_threads


class InThread(Entity, typename="test/in-thread"):
    runs: ClassVar[int]
    free: ClassVar[threading.Event]
    n: int = persisted(default=0)

    @handles(int, blocking=True)
    def wait(self, message: int) -> None:
        InThread.runs += 1
        assert InThread.free.wait(DEADLINE)
        self.n += message


class Late(Entity, typename="test/late"):
    cured: ClassVar[bool]
    n: int = persisted(default=0)

    @handles(int, timeout=timedelta(milliseconds=20))
    async def wait(self, message: int) -> None:
        self.n += message
        if not Late.cured:
            await asyncio.sleep(DEADLINE)


class Hung(Entity, typename="test/hung", on_failure=Discard(attempts=1)):
    @handles(int, blocking=True, timeout=0.02)
    def wait(self, message: int) -> None:
        assert InThread.free.wait(DEADLINE)


@activity("test/call", attempts=1, timeout=0.02)
def call(message: int) -> int:
    Asking.begun.append(message)
    return message


class Asking(Entity, typename="test/asking"):
    begun: ClassVar[list[int]]
    answered: list[str] = persisted(factory=list)

    @handles(int)
    def go(self, message: int) -> None:
        self.ask(call, message, then=self.back)

    @answers
    def back(self, answer: int | NoAnswer) -> None:
        self.answered.append(str(answer))


class Quick(Entity, typename="test/quick"):
    n: int = persisted(default=0)

    @handles(int)
    def count(self, message: int) -> None:
        self.n += message


@pytest.fixture(autouse=True)
def _free() -> Iterator[None]:
    InThread.runs, InThread.free, Late.cured, Asking.begun = 0, threading.Event(), False, []
    yield
    InThread.free.set()


async def test_a_handler_in_a_thread_delays_no_other_and_is_one_batch_at_a_time() -> None:
    async with running(InThread, Quick) as engine:
        for _ in range(3):
            send(engine, InThread.at("a"), pack(1))
        await until(lambda: InThread.runs)
        send(engine, InThread.at("a"), pack(1))
        send(engine, Quick.at("q"), pack(1))
        await engine.durable()
        meanwhile = held(engine, Quick.at("q"), "n"), held(engine, InThread.at("a"), "n"), InThread.runs
        InThread.free.set()
        await engine.idle()

        assert meanwhile == (1, None, 1)
        assert held(engine, InThread.at("a"), "n") == 4


async def test_a_handler_that_takes_too_long_fails_is_undone_and_tried_again() -> None:
    clock = ManualClock()
    async with running(Late, clock=clock) as engine:
        send(engine, Late.at("a"), pack(1))
        await until(engine.view.failing_messages)
        [failing] = engine.view.failing_messages()
        reported = str(failing.error)
        Late.cured = True
        clock.set_ms(clock.now_ms() + 100)
        await engine.idle()

        assert reported == "Late.wait did not finish within 0.02 s. Raise its timeout=, or make it shorter."
        assert held(engine, Late.at("a"), "n") == 1


async def test_after_a_lost_commit_others_go_on_while_a_thread_does_not_end_and_its_address_waits_for_it() -> None:
    store = HeldStore()
    async with running(InThread, Quick, store=store) as engine:
        send(engine, InThread.at("a"), pack(1))
        await engine.durable()
        await until(lambda: InThread.runs)
        store.fail = True
        send(engine, Quick.at("q"), pack(1))
        with pytest.raises(EpochLostError):
            await engine.durable()
        store.fail = False
        await until(lambda: engine.view.lost is None)
        send(engine, Quick.at("q"), pack(5))
        await engine.durable()
        meanwhile = held(engine, Quick.at("q"), "n"), InThread.runs
        InThread.free.set()
        await engine.idle()

        assert meanwhile == (5, 1)
        assert InThread.runs == 2
        assert held(engine, InThread.at("a"), "n") == 1


async def test_handlers_that_never_return_and_were_given_up_stop_no_others() -> None:
    async with running(Hung, InThread) as engine:
        for number in range(AT_ONCE + 1):
            send(engine, Hung.at(str(number)), pack(1))
        await engine.idle()

        send(engine, InThread.at("a"), pack(1))
        await until(lambda: InThread.runs)
        InThread.free.set()
        await engine.idle()

        assert held(engine, InThread.at("a"), "n") == 1


async def test_an_activity_that_waits_for_a_thread_uses_up_no_attempt() -> None:
    async with running(InThread, Asking, call) as engine:
        for number in range(AT_ONCE):
            send(engine, InThread.at(str(number)), pack(1))
        await until(lambda: InThread.runs == AT_ONCE)
        asked = send(engine, Asking.at("a"), pack(1))
        await until(lambda: asked)

        answering = asyncio.create_task(until(lambda: held(engine, Asking.at("a"), "answered")))
        answered, _ = await asyncio.wait([answering], timeout=0.1)
        meanwhile = bool(answered), list(Asking.begun)
        InThread.free.set()
        await answering
        await engine.idle()

        assert meanwhile == (False, [])
        assert Asking.begun == [1]
