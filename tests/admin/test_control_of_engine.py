"""A control of a running engine: its changes are those of a commit."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from statefun_actors import Address, Entity, handles, persisted
from statefun_actors.admin import Control, EngineControl, FieldEdit, Posting, StoreControl, TimerKey
from statefun_actors.asking import REPLY
from statefun_actors.engine import EpochLostError, ManualClock, NoTimerError, NotSetError, SystemClock
from statefun_actors.store import Commit, MemoryStore, Timer
from statefun_actors.types import pack
from tests.admin.control_checks import ADA, FIVE
from tests.admin.counted import Counter
from tests.engine.engines import HeldStore, held, running


async def test_a_delayed_message_of_the_library_is_neither_fired_nor_cancelled() -> None:
    own = Timer(7, 1 << 41, ADA, FIVE, Address(REPLY, "token"))
    store = MemoryStore()
    await store.commit(Commit(timers=[own], next_seq=8))
    key = TimerKey(own.due_ms, own.seq)
    control: Control
    async with running(Counter, store=store, clock=SystemClock()) as engine:
        for control in (EngineControl(engine), StoreControl(store, SystemClock())):
            for attempt in (control.fire_timers([key]), control.cancel_timers([key])):
                with pytest.raises(NoTimerError):
                    await attempt
    assert store.timers_after(0, 0, 10) == [own]


async def test_a_field_is_not_set_while_a_message_of_its_entity_is_being_handled() -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    class Slow(Entity, typename="test/slow"):
        total: int = persisted(default=0)

        @handles
        async def add(self, amount: int) -> None:
            entered.set()
            await go.wait()
            self.total += amount

    async with running(Slow) as engine:
        control, edit = EngineControl(engine), FieldEdit(Slow.at("a"), "total", pack(7), None)
        await control.send([Posting(Slow.at("a"), pack(1))])
        await entered.wait()
        with pytest.raises(NotSetError) as refused:
            await control.set_field(edit)
        go.set()
        await engine.idle()
        with pytest.raises(NotSetError):
            await control.set_field(edit)
        await control.set_field(FieldEdit(Slow.at("a"), "total", pack(7), pack(1)))
        await control.send([Posting(Slow.at("a"), pack(10))])
        await engine.idle()

        assert str(refused.value) == (
            "total of test/slow/a was not set: a message is being handled right now; try again in a moment"
        )
        assert held(engine, Slow.at("a"), "total") == 17


async def test_a_field_that_expires_lives_on_from_when_it_was_set() -> None:
    class Brief(Entity, typename="test/brief"):
        total: int = persisted(default=0, expire_after_write=timedelta(hours=1))

    function, store, clock = Brief.__function_type__, MemoryStore(), ManualClock()
    edit = FieldEdit(Brief.at("a"), "total", pack(7), None, tuple(function.states))
    await StoreControl(store, clock).set_field(edit)
    (row,) = store.entities("test/brief")
    async with running(Brief, clock=clock) as engine:
        await EngineControl(engine).set_field(edit)
        await engine.idle()
        (same,) = engine.store.entities("test/brief")

    assert row.expires_ms == clock.now_ms() + 3_600_000
    assert row == same


async def test_a_delayed_message_is_fired_or_cancelled_before_and_after_its_commit() -> None:
    async with running(Counter) as engine:
        control = EngineControl(engine)
        for number in range(4):
            await control.send([Posting(Counter.at("a"), pack(10**number), 86_400_000 + number)])
        await engine.idle()
        fired, cancelled, open_fired, _ = engine.store.timers_after(0, 0, 10)
        await control.fire_timers([TimerKey(fired.due_ms, fired.seq)])
        await control.cancel_timers([TimerKey(cancelled.due_ms, cancelled.seq)])
        for attempt in (control.fire_timers, control.cancel_timers):
            with pytest.raises(NoTimerError):
                await attempt([TimerKey(fired.due_ms, fired.seq)])
        await control.fire_timers([TimerKey(open_fired.due_ms, open_fired.seq)])
        await engine.idle()

        assert held(engine, Counter.at("a"), "total") == 101
        assert engine.view.counters.timers_fired == 2
        assert len(engine.store.timers_after(0, 0, 10)) == 1


async def test_a_running_engine_handles_the_message_that_is_sent_through_it() -> None:
    async with running(Counter) as engine:
        await EngineControl(engine).send([Posting(Counter.at("a"), pack(2)), Posting(Counter.at("a"), pack(3))])
        await engine.idle()

        assert held(engine, Counter.at("a"), "total") == 5


async def test_a_change_that_the_store_refuses_has_no_effect(tmp_path: Path) -> None:
    store = HeldStore()
    async with running(Counter, store=store) as engine:
        store.fail = True
        with pytest.raises(EpochLostError):
            await EngineControl(engine).send([Posting(Counter.at("a"), pack(2))])
        store.fail = False
        await engine.idle()

        assert list(store.messages()) == []
