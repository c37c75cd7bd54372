"""Changes that are not durable yet: kept in memory, and not visible outside."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from statefun_actors import Address, Entity, TerminalError, handles, persisted
from statefun_actors.asking import KEY_KEPT_MS
from statefun_actors.engine import EngineOptions, EpochLostError, ManualClock
from statefun_actors.ingress import AnswerLost, NotTaken, Replied, Taken, Wait
from statefun_actors.store import MemoryStore, Store
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import pack, value_of
from tests.engine.asked import ask, turns
from tests.engine.engines import HeldStore, held, running, send, until


class Counter(Entity, typename="test/counter"):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> int:
        self.n += message
        return self.n


class Gate(Entity, typename="test/gate"):
    """Its handler waits until the test releases it."""

    entered: ClassVar[asyncio.Event]
    open: ClassVar[asyncio.Event]

    @handles(int)
    async def wait(self, message: int) -> int:
        Gate.entered.set()
        await Gate.open.wait()
        return message


class Fading(Entity, typename="test/fading"):
    text: str | None = persisted(default=None, expire_after_write=timedelta(seconds=10))

    @handles(str)
    def write(self, message: str) -> None:
        self.text = message


class Busy(Entity, typename="test/busy"):
    """Has each effect that is kept in a row of its own."""

    seen: list[int] = persisted(factory=list)

    @handles(int)
    def work(self, message: int) -> None:
        self.send_after(timedelta(minutes=message), Busy.at("later"), f"{message}")
        self.send_egress("test/out", message)

    @handles(str)
    def note(self, message: str) -> None:
        self.seen.append(int(message))

    @handles(bool)
    def fail(self, message: bool) -> None:
        raise TerminalError("no")


A, B = Counter.at("a"), Counter.at("b")


@pytest.fixture(autouse=True)
def closed_gate() -> None:
    Gate.entered, Gate.open = asyncio.Event(), asyncio.Event()


class Reading(MemoryStore):
    """Notes which entities are read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[Address] = []

    def load(self, addresses: Sequence[Address]) -> list[bytes | None]:
        self.read += addresses
        return super().load(addresses)


def release(store: HeldStore) -> None:
    """Let the commit that waits go through, and hold the next one."""
    store.let_go.set()
    store.let_go.clear()


async def test_a_full_cache_keeps_what_only_an_open_epoch_has() -> None:
    store = HeldStore()
    store.let_go.clear()
    async with running(Counter, store=store, options=EngineOptions(cache_bytes=1)) as engine:
        send(engine, A, pack(1))
        await until(lambda: store.begun == 1)
        send(engine, A, pack(1))
        await until(lambda: held(engine, A, "n") == 2)
        release(store)  # the cache is emptied now, of what is durable
        await until(lambda: store.begun == 2)
        send(engine, A, pack(1))
        await until(lambda: not engine.view.waiting)

        assert held(engine, A, "n") == 3


async def test_a_full_cache_forgets_what_is_durable() -> None:
    store = Reading()
    async with running(Counter, store=store, options=EngineOptions(cache_bytes=1)) as engine:
        for address in (A, B, A):
            send(engine, address, pack(1))
            await engine.idle()

        assert store.read == [A, B, A]
        assert held(engine, A, "n") == 2


async def test_a_state_that_was_written_again_is_not_swept_away_at_its_earlier_end() -> None:
    store, clock = HeldStore(), ManualClock()
    async with running(Fading, Counter, store=store, clock=clock) as engine:
        send(engine, Fading.at("a"), pack("first"))
        await engine.idle()
        begun = store.begun
        clock.set_ms(clock.now_ms() + 55_000)
        store.let_go.clear()
        send(engine, Fading.at("a"), pack("second"))
        await until(lambda: store.begun == begun + 1)
        clock.set_ms(
            clock.now_ms() + 6_000
        )  # expired rows are looked for each minute; the store has the first end only
        send(engine, A, pack(1))
        await until(lambda: held(engine, A, "n") == 1)
        store.let_go.set()
        await engine.idle()

        assert held(engine, Fading.at("a"), "text") == "second"
    async with running(Fading, store=store, clock=clock) as engine:
        assert held(engine, Fading.at("a"), "text") == "second"


async def test_a_state_that_expired_and_is_written_again_in_one_epoch_is_there() -> None:
    store, clock = HeldStore(), ManualClock()
    async with running(Fading, Counter, store=store, clock=clock) as engine:
        send(engine, Fading.at("a"), pack("old"))
        await engine.idle()
        store.let_go.clear()
        begun = store.begun
        send(engine, B, pack(1))
        await until(lambda: store.begun == begun + 1)
        clock.set_ms(
            clock.now_ms() + 61_000
        )  # expired rows are looked for each minute: this one is found in the open epoch
        send(engine, A, pack(1))
        await until(lambda: held(engine, A, "n") == 1)
        send(engine, Fading.at("a"), pack("new"))
        await until(lambda: held(engine, Fading.at("a"), "text") == "new")
        store.let_go.set()
        await engine.idle()
    async with running(Fading, store=store, clock=clock) as engine:
        assert held(engine, Fading.at("a"), "text") == "new"


async def test_a_result_is_given_once_its_own_epoch_is_durable() -> None:
    store = HeldStore()
    store.let_go.clear()
    async with running(Gate, store=store) as engine:
        asked = ask(engine, Gate.at("g"), 7, Wait.HANDLED, "key")
        taken = ask(engine, Gate.at("g"), 7, Wait.TAKEN, "key")
        await Gate.entered.wait()
        await until(lambda: store.begun == 1)
        Gate.open.set()
        await turns()  # it is handled, in the next epoch
        release(store)
        await until(lambda: store.begun == 2)
        repeated = ask(engine, Gate.at("g"), 7, Wait.HANDLED, "key")
        await turns()
        known = (taken.known, asked.known, repeated.known)
        store.let_go.set()

        assert known == (True, False, False)
        assert await taken.answer() == Taken()
        assert [await each.answer() for each in (asked, repeated)] == [Replied(pack(7))] * 2


async def test_a_result_whose_epoch_is_lost_is_never_given() -> None:
    store = HeldStore()
    store.let_go.clear()
    async with running(Gate, store=store) as engine:
        asked = ask(engine, Gate.at("g"), 7, Wait.HANDLED, "key")
        await Gate.entered.wait()
        await until(lambda: store.begun == 1)
        Gate.open.set()
        await turns()
        release(store)
        await until(lambda: store.begun == 2)
        store.fail = True
        store.let_go.set()

        assert isinstance(await asked.answer(), AnswerLost)
        store.fail = False


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_nothing_takes_the_number_of_what_an_earlier_run_stored(kind: str, tmp_path: Path) -> None:
    memory = MemoryStore()

    def opened() -> Store:
        return memory if kind == "memory" else SqliteStore(tmp_path / "store.db")

    clock = ManualClock()
    for run in (1, 2, 3):
        async with running(Busy, store=(store := opened()), clock=clock) as engine:
            send(engine, Address("test/nobody", "a"), pack(run))
            await engine.idle()
        store.close()
    for run in (1, 2, 3):
        async with running(Busy, store=(store := opened()), clock=clock) as engine:
            send(engine, Busy.at("a"), pack(True))
            await engine.idle()
            send(engine, Busy.at("a"), pack(run))
            await engine.idle()
        store.close()
    async with running(Busy, store=(store := opened()), clock=clock) as engine:
        pending = [value_of(timer.value) for timer in store.timers_after(-1, 0, 10)]
        records = store.egress_after(0, 10)
        letters = list(store.dead_letters())
        kept = [value_of(message.value) for message in store.messages()]
        clock.set_ms(clock.now_ms() + 600_000)
        await engine.idle()
        seen = held(engine, Busy.at("later"), "seen")
    store.close()

    assert kept == [1, 2, 3]
    assert pending == ["1", "2", "3"]
    assert seen == [1, 2, 3]
    assert [value_of(record.value) for record in records] == [1, 2, 3]
    assert len(letters) == 3
    numbers = [record.seq for record in records] + [letter.seq for letter in letters]
    assert len(set(numbers)) == 6


async def test_waits_for_a_lost_epoch_get_the_error() -> None:
    store = HeldStore()
    store.let_go.clear()
    async with running(Counter, store=store) as engine:
        send(engine, A, pack(1))
        waiting = [asyncio.create_task(engine.durable()) for _ in range(3)]
        await until(lambda: store.begun == 1)
        store.fail = True
        store.let_go.set()
        lost = await asyncio.gather(*waiting, return_exceptions=True)
        store.fail = False
        await engine.idle()

        assert [type(each) for each in lost] == [EpochLostError] * 3
        assert held(engine, A, "n") is None


async def test_a_key_that_is_used_again_after_a_day_waits_for_the_commit_of_its_own_message() -> None:
    store, clock = HeldStore(), ManualClock()
    store.let_go.clear()
    async with running(Counter, store=store, clock=clock) as engine:
        ask(engine, A, 1, Wait.TAKEN, "key")
        await until(lambda: store.begun == 1)
        clock.set_ms(clock.now_ms() + KEY_KEPT_MS)
        again = ask(engine, A, 2, Wait.TAKEN, "key")  # its epoch is open while that of the first is written
        await until(lambda: held(engine, A, "n") == 3)
        release(store)
        await until(lambda: store.begun == 2)
        await turns()
        known = again.known
        store.fail = True
        store.let_go.set()

        assert not known
        assert isinstance(await again.answer(), NotTaken)
        store.fail = False
        await engine.idle()
        assert held(engine, A, "n") == 1
