"""Asks, answers and recurring messages over crashes: an engine that is killed after each commit in turn."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from statefun_actors import Address, Entity, NoAnswer, TerminalError, answers, handles, persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, EngineOptions, ManualClock
from statefun_actors.entity import hydrate
from statefun_actors.model import State
from statefun_actors.store import Commit, MemoryStore, Store, unpack
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import pack
from tests.engine.engines import send

SMALL = EngineOptions(epoch_steps=2, batch=2, slice_steps=1)
ASKS = 6


class Stock(Entity, typename="crash/stock"):
    left: int = persisted(default=100)

    @handles(int)
    def reserve(self, message: int) -> int | None:
        if message == 3:
            raise TerminalError("not three")
        if message == 4:
            return None  # its asker gets a timeout
        self.left -= 1
        return message


class Order(Entity, typename="crash/order"):
    begun: int = persisted(default=0)
    answered: list[str] = persisted(factory=list)
    ticks: int = persisted(default=0)

    @handles(bool)
    def begin(self, message: bool) -> None:
        self.begun += 1
        for number in range(ASKS):
            self.ask(Stock.at("s"), number, then=self.reserved, timeout=timedelta(seconds=30), keep=number)
        self.send_every(timedelta(seconds=10), self.address, "tick", name="tick")

    @answers
    def reserved(self, answer: int | NoAnswer, number: int) -> None:
        if isinstance(answer, int):
            assert answer == number
        self.answered.append(f"{number} {answer if isinstance(answer, int) else answer.reason}")

    @handles(str)
    def tick(self, message: str) -> None:
        self.ticks += 1
        if self.ticks == 5:
            self.cancel_every("tick")


class KilledError(Exception):
    """The process ends."""


class Killing:
    """Lets an engine commit this number of times, and fails all later commits."""

    def __init__(self, store: Store, commits: int) -> None:
        self._store, self.left = store, commits
        self.killed = asyncio.Event()

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def commit(self, commit: Commit) -> None:
        if not self.left:
            self.killed.set()
            await asyncio.Event().wait()  # the process is gone
        self.left -= 1
        await self._store.commit(commit)


async def run_until_killed(store: Store, clock: ManualClock, commits: int, *, first: bool) -> bool:
    """Run for this number of commits; return whether all work ended before."""
    killing = Killing(store, commits)
    engine = Engine(Application(Order, Stock), killing, clock, options=SMALL)  # type: ignore[arg-type]
    running = asyncio.create_task(engine.run())
    killed = asyncio.create_task(killing.killed.wait())
    if first:
        for number in range(2):
            send(engine, Order.at(f"{number}"), pack(True))
    try:
        while True:
            settled = asyncio.create_task(engine.settled())
            await asyncio.wait({settled, killed, running}, return_when=asyncio.FIRST_COMPLETED)
            settled.cancel()
            if running.done():
                running.result()
            if killed.done():
                return False
            due = engine.view.next_due()
            if due is None:
                return True
            clock.set_ms(max(due, clock.now_ms()))
    finally:
        running.cancel()
        killed.cancel()
        await asyncio.gather(running, killed, return_exceptions=True)


def check(store: Store) -> None:
    for number in range(2):
        address = Order.at(f"{number}")
        order = hydrate(Order, address, _state(store, address))
        assert order.begun == 1
        assert sorted(order.answered) == ["0 0", "1 1", "2 2", "3 failed", "4 timeout", "5 5"]
        assert order.ticks == 5
    assert hydrate(Stock, Stock.at("s"), _state(store, Stock.at("s"))).left == 100 - 2 * 4
    assert store.counts()["timers"] == store.counts()["messages"] == 0
    assert list(store.entities("statefun-actors/reply")) == []


def _state(store: Store, address: Address) -> State:
    (packed,) = store.load([address])
    return unpack(address, packed, ()).state


@pytest.mark.parametrize("every", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_each_answer_runs_once_however_often_the_engine_is_killed(kind: str, every: int, tmp_path: Path) -> None:
    store: Store = MemoryStore() if kind == "memory" else SqliteStore(tmp_path / "s.db")
    clock = ManualClock()
    first = True
    while not await run_until_killed(store, clock, every, first=first):
        first = bool(next(store.messages(), None) is None and not store.types())
    check(store)
    store.close()
