"""Handlers in threads, handlers that take too long, and handlers that can't be cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar

import pytest

from statefun_actors import Entity, handles, persisted
from statefun_actors.engine import EpochLostError, ManualClock
from statefun_actors.types import pack
from tests.engine.engines import DEADLINE, HeldStore, held, running, send, until


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


class Quick(Entity, typename="test/quick"):
    n: int = persisted(default=0)

    @handles(int)
    def count(self, message: int) -> None:
        self.n += message


@pytest.fixture(autouse=True)
def _free() -> Iterator[None]:
    InThread.runs, InThread.free, Late.cured = 0, threading.Event(), False
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
