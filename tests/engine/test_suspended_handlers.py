"""Handlers that wait delay nobody else, and run again where their work is lost."""

from __future__ import annotations

import asyncio

import pytest

from statefun_actors.engine import EpochLostError
from statefun_actors.store import MemoryStore
from statefun_actors.types import pack
from tests.engine.counters import Counter, Gate
from tests.engine.engines import HeldStore, held, running, send, until


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
