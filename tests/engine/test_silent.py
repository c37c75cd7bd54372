"""Messages whose handlers change nothing: that they are dealt with is committed all the same, and counted."""

from __future__ import annotations

from typing import ClassVar

import pytest

from statefun_actors import Discard, Entity, handles
from statefun_actors.engine import ManualClock
from statefun_actors.store import MemoryStore
from statefun_actors.types import pack
from tests.engine.engines import Listed, running, send


class Silent(Entity, typename="test/silent"):
    """Changes nothing."""

    runs: ClassVar[list[int]] = []

    @handles(int, on_failure=Discard())
    def take(self, message: int) -> None:
        Silent.runs.append(message)
        if message < 0:
            raise ValueError("negative")


A = Silent.at("a")


@pytest.fixture(autouse=True)
def begun_anew() -> None:
    Silent.runs = []


async def test_records_that_were_read_are_not_read_again() -> None:
    store = MemoryStore()
    for _ in range(2):
        async with running(Silent, store=store, sources={"in": Listed([(A, 1), (A, 2), (A, 3)])}) as engine:
            await engine.idle()

    assert Silent.runs == [1, 2, 3]
    assert store.recover().positions["source:in"] == "3"


async def test_a_delayed_message_fires_once() -> None:
    store, clock = MemoryStore(), ManualClock()
    async with running(Silent, store=store, clock=clock) as engine:
        send(engine, A, pack(5), delay_ms=1_000)
        await engine.idle()
    clock.set_ms(clock.now_ms() + 1_000)
    for _ in range(2):
        async with running(Silent, store=store, clock=clock) as engine:
            await engine.idle()

    assert Silent.runs == [5]
    assert store.counts()["timers"] == 0


async def test_discarded_messages_are_counted() -> None:
    async with running(Silent) as engine:
        for message in (1, -1, 2, -2, -3):
            send(engine, A, pack(message))
        await engine.idle()

        assert (engine.view.counters.handled, engine.view.counters.discarded, engine.view.counters.dead_letters) == (
            5,
            3,
            0,
        )
