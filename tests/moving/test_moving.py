"""A store of the embedded engine moves to an endpoint behind what stands for Flink, state by state."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from statefun_actors import Address, Settings
from statefun_actors.admin import export_store, import_store
from statefun_actors.asking import REPLY, SCHEDULE
from statefun_actors.deploy import Module, Wanted, planned_module, served
from statefun_actors.dispatch import Application
from statefun_actors.model import INGRESS
from statefun_actors.moving import PATIENCE, Move, MoveStoppedError, StoreContents
from statefun_actors.moving.hold import Hold
from statefun_actors.store import (
    Commit,
    DeadLetterEntry,
    EgressRecord,
    EntityRow,
    Message,
    StoreInUseError,
    Timer,
    open_alone,
    open_stopped,
    unpack,
)
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack
from tests.conformance.wire import WIRE_3, WireEngine
from tests.moving.house import FURNITURE, SERVED, Furnish, House, Knock, Order, Plan
from tests.moving.over_wire import WireExchange

START = datetime(2026, 1, 1, tzinfo=UTC)
START_MS = 1_767_225_600_000
ADA = House.at("ada")
COUNT = Address("moving/count", "c/1")
ON = Settings(accept_restore=True)
APP = Application(*SERVED)


def module() -> Module:
    own = [APP.all_served[name].function for name in (REPLY, SCHEDULE, INGRESS)]
    declared = served([each.function for each in APP.served.values()], Settings(), own)
    return planned_module(declared, Wanted(url="http://app:8000", kafka="kafka:9092", gateway=True))


async def filled(path: Path) -> str:
    """A store with some of everything; the token of an open ask."""
    async with TestRuntime(*SERVED, start=START, store=SqliteStore(path)) as runtime:
        for number in range(20):
            await runtime.tell(House.at(f"h/{number}"), Furnish(number))
        await runtime.tell(COUNT, 3)
        token = await runtime.ask(ADA, Plan(5), str)
        await runtime.tell(House.at("outside"), Knock("from outside"), after=3)
    store = SqliteStore(path)
    seq = store.recover().next_seq
    letter = Message(seq + 5, ADA, pack(Knock("dead")))
    await store.commit(
        Commit(
            messages=[
                Message(seq, ADA, pack(Knock("first")), Address("moving/quiet", "q")),
                Message(seq + 1, House.at("h/1"), pack(Knock("second"))),
                Message(seq + 2, Address("gone/type", "x"), pack(1)),
            ],
            egress=[EgressRecord(seq + 3, "moving/out", pack(1))],
            dead_letters=[DeadLetterEntry(seq + 4, letter, "ValueError", "no", 1, 0)],
            timers=[Timer(seq + 6, START_MS - 1, House.at("late"), pack(Knock("overdue")), ADA)],
            entities=[EntityRow(Address("gone/type", "x"), b"\x93\x81\xa1a\x92\xa1t\xc4\x00\x80\x00")],
            positions={"source:/in.jsonl": "[3,200]"},
            next_seq=seq + 7,
        )
    )
    store.close()
    return token


@contextmanager
def contents(path: Path) -> Generator[StoreContents]:
    with open_alone(path) as store:
        yield StoreContents(store.reader, APP, module(), START_MS, leave_egress=True)


@asynccontextmanager
async def flink(settings: Settings = ON) -> AsyncGenerator[WireEngine]:
    async with WIRE_3.start(*SERVED, settings=settings) as engine:
        assert isinstance(engine, WireEngine)
        yield engine


async def moved(path: Path, engine: WireEngine, lost: int | None = None) -> StoreContents:
    patience = PATIENCE if lost is None else 0.05
    with contents(path) as found:
        await Move(found, WireExchange(engine, lost), lambda: START_MS, patience=patience, hold_seconds=0).run()
    return found


def states_of(path: Path) -> dict[Address, object]:
    """The stored states of all that moves, as bytes."""
    with open_stopped(path) as reader:
        rows = [row for name in reader.types() if name != "gone/type" for row in reader.entities(name)]
        return {row.address: unpack(row.address, row.packed, ()).state for row in rows}


def stored_in(engine: WireEngine) -> dict[Address, object]:
    """The states that *engine* has, as bytes; of the ingress function, which keeps keys for a day, none."""
    found = {
        address: {name: value for name, value in state.items() if value is not None}
        for address, state in engine._states.items()
        if address.typename != INGRESS
    }
    return {address: state for address, state in found.items() if state}


def delayed(engine: WireEngine) -> Sequence[object]:
    """The delayed messages of *engine*, whatever the order of their making."""
    return sorted(
        (due, sender.typename, to, value.value, token) for due, _, sender, to, value, token in engine._delayed
    )


async def test_all_states_are_equal(tmp_path: Path) -> None:
    path = tmp_path / "house.db"
    async with TestRuntime(*SERVED, start=START, store=SqliteStore(path)) as runtime:
        for number in range(20):
            await runtime.tell(House.at(f"h/{number}"), Furnish(number))
        await runtime.tell(COUNT, 3)
        await runtime.ask(ADA, Plan(5), str)

    async with flink() as engine:
        found = await moved(path, engine)

        assert stored_in(engine) == states_of(path)
        assert found.renewed == 20
        assert found.left == []
        assert engine.failures == []


async def test_all_that_is_on_its_way_arrives_and_what_is_left_is_named(tmp_path: Path) -> None:
    path = tmp_path / "house.db"
    token = await filled(path)
    async with flink() as engine:
        found = await moved(path, engine)
        await engine.advance(3.5)
        await engine.tell(Address(REPLY, token), "yes")
        await engine.advance(2)

        assert dict(found.counts) == {"entities": 21, "asks": 2, "schedules": 1, "delayed": 3, "waiting": 2}
        assert [str(each) for each in found.left] == [
            "waiting messages of function types that are not served and routed: 1 (gone/type/x)",
            "dead letters: 1 (moving/house/ada)",
            "egress records that no target has taken: 1 (moving/out)",
            "positions in inputs: 1 (/in.jsonl)",
            "entities of function types that are not served and routed: 1 (gone/type/x)",
        ]
        each_second = "each second of statefun-actors/schedule"
        assert engine.state(ADA)["visits"] == [
            *["first of moving/quiet", each_second, each_second, each_second, "opened: yes", each_second],
            *["later of moving/house", "asked: timeout", each_second],
        ]
        assert engine.state(House.at("h/1"))["visits"] == ["1", "second of None"]
        assert engine.state(House.at("outside"))["visits"] == ["from outside of None"]
        assert engine.state(House.at("late"))["visits"] == ["overdue of moving/house"]
        assert engine.failures == []


async def test_a_move_that_was_cut_short_goes_on_and_doubles_nothing(tmp_path: Path) -> None:
    path = tmp_path / "house.db"
    await filled(path)
    async with flink() as once, flink() as engine:
        await moved(path, once)
        for lost in range(0, 30, 5):
            with pytest.raises(MoveStoppedError) as stopped:
                await moved(path, engine, lost)
            assert re.fullmatch(
                r"the Flink job has not answered within 0.05 s, for [\w/.:-]+; it must run with this module.yaml. "
                r"Run the command again within a day: what has arrived counts once.",
                str(stopped.value),
            )
        await moved(path, engine)
        await moved(path, engine)

        assert delayed(engine) == delayed(once)
        assert stored_in(engine) == stored_in(once)


async def test_nothing_follows_while_an_entity_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "house.db"
    await filled(path)
    async with flink() as engine:
        await engine.tell(House.at("h/3"), Furnish(1))
        with pytest.raises(MoveStoppedError) as stopped:
            await moved(path, engine)

        assert str(stopped.value) == (
            "1 entity was refused, so nothing that is delayed or waits was moved. Mend what is said above, then run "
            "the command again within a day: what has arrived counts once."
        )
        assert [str(each).partition(": ")[0] for each in stopped.value.refused] == ["moving/house/h/3 was not restored"]
        assert engine._delayed == []


async def test_a_delayed_message_and_a_recurring_one_can_be_replaced_and_cancelled_in_the_job(tmp_path: Path) -> None:
    path = tmp_path / "house.db"
    async with TestRuntime(*SERVED, start=START, store=SqliteStore(path)) as runtime:
        await runtime.tell(ADA, Plan(5))
    async with flink() as engine:
        await moved(path, engine)
        await engine.tell(ADA, Plan(7))
        await engine.tell(ADA, Knock("stop"))

        assert [(each.delay_ms, each.value) for each in engine.pending] == [(7000, Knock("later"))]
        await engine.advance(8)
        visits = engine.state(ADA)["visits"]
        assert isinstance(visits, list)
        assert [each for each in visits if "asked" not in each] == ["stop of None", "later of moving/house"]


async def test_an_endpoint_that_takes_no_restores_ends_it_soon(tmp_path: Path) -> None:
    path = tmp_path / "house.db"
    async with TestRuntime(*SERVED, start=START, store=SqliteStore(path)) as runtime:
        await runtime.tell(COUNT, 1)
    store = SqliteStore(path)
    [counted] = store.load([COUNT])
    await store.commit(Commit([EntityRow(Address(COUNT.typename, f"{n}"), counted) for n in range(600)]))
    store.close()
    async with flink(Settings()) as engine:
        with pytest.raises(MoveStoppedError) as stopped:
            await moved(path, engine)
        assert str(stopped.value) == (
            "500 entities were refused, and the rest was not tried. Mend what is said above, then run the command "
            "again within a day: what has arrived counts once."
        )
        assert engine._app.diagnostics.refused == {"moving/count (restore)": 500}


async def test_an_activity_that_waits_for_its_next_attempt_makes_it_in_the_job(tmp_path: Path) -> None:
    path = tmp_path / "house.db"
    FURNITURE.clear()
    async with TestRuntime(*SERVED, start=START, store=SqliteStore(path)) as runtime:
        await runtime.tell(ADA, Order("chair"))
        assert runtime.asks
    FURNITURE.append("chair")
    async with flink() as engine:
        found = await moved(path, engine)
        await engine.advance(60)

        assert dict(found.counts) == {"asks": 1, "delayed": 1}
        assert engine.state(ADA)["visits"] == ["ordered: chair"]
        assert engine.failures == []


async def test_a_store_with_partitions_moves_as_one(tmp_path: Path) -> None:
    path = tmp_path / "house.db"
    await filled(path)
    with open_stopped(path) as reader:
        lines = list(export_store(reader, with_inputs=False))
    await import_store(lines, "lines", tmp_path / "two", partitions=2)
    async with flink() as one, flink() as two:
        await moved(path, one)
        await moved(tmp_path / "two", two)

        assert delayed(two) == delayed(one)
        assert stored_in(two) == stored_in(one)


async def test_many_messages_of_one_entity_move_in_parts_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "house.db"
    store = SqliteStore(path)
    messages = [Message(n, ADA, pack(Knock(f"{n} {'x' * 1000}"))) for n in range(1, 50)]
    timers = [Timer(50 + n, START_MS + n, ADA, pack(Knock(f"{n} {'x' * 1000}")), ADA) for n in range(1, 1200)]
    await store.commit(Commit(messages=messages, timers=timers, next_seq=2000))
    store.close()
    async with flink() as engine:
        with contents(path) as found:
            [(_, waiting)], [(_, later)] = found.waiting(), found.delayed(Hold(START_MS, 0))
        waiting_lengths = [len(part.content.waiting) for part in waiting]
        delayed_lengths = [len(part.content.delayed) for part in later]
        await moved(path, engine)

        assert waiting_lengths == [1] * 49
        assert delayed_lengths == [372, 372, 372, 83]
        assert engine.state(ADA)["visits"] == [f"{n} {'x' * 1000} of None" for n in range(1, 50)]
        assert [each.value for each in engine.pending] == [Knock(f"{n} {'x' * 1000}") for n in range(1, 1200)]


def test_a_store_that_an_engine_runs_on_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "house.db"
    store = SqliteStore(path)
    try:
        with pytest.raises(StoreInUseError), contents(path):
            pass
    finally:
        store.close()
