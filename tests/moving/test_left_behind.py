"""What a store must not take to a job: conversations with unrouted types, and what the engine must do first."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from statefun_actors import Address, Entity, NoAnswer, Settings, answers, handles, message, persisted
from statefun_actors.asking import REPLY, SCHEDULE, Recurrence, Repeat, order, schedule_id
from statefun_actors.deploy import Module, Wanted, planned_module, served
from statefun_actors.dispatch import Application
from statefun_actors.model import INGRESS
from statefun_actors.moving import Move, MoveStoppedError, StoreContents
from statefun_actors.store import Commit, EgressRecord, Message, PauseTarget, Timer, open_alone, pauses_position
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack
from tests.conformance.wire import WIRE_3, WireEngine
from tests.moving.over_wire import WireExchange
from tests.moving.test_in_flight import START, START_MS


@message("left/begin")
class Begin:
    other: Address


@message("left/ping")
class Ping:
    pass


class Asker(Entity, typename="left/asker"):
    log: list[str] = persisted(factory=list)

    @handles
    def begin(self, message: Begin) -> None:
        self.ask(message.other, Ping(), then=self.told, timeout=timedelta(hours=1))
        self.send_every(timedelta(minutes=1), message.other, Ping(), name="ping")

    @answers
    def told(self, answer: str | NoAnswer) -> None:
        self.log.append(str(answer))

    @handles
    def ping(self, message: Ping) -> None:
        self.log.append("ping")


class Other(Asker, typename="elsewhere/other"):
    """Not routed by the job's module.yaml."""


class Peer(Entity, typename="left/peer"):
    @handles
    def ping(self, message: Ping) -> None:
        pass


SERVED = (Asker, Other, Peer)
APP = Application(*SERVED)
ASKER = Address("left/asker", "a")
PEER = Address("left/peer", "p")
OTHER = Address("elsewhere/other", "o")


def module() -> Module:
    own = [APP.all_served[name].function for name in (REPLY, SCHEDULE, INGRESS)]
    routed = [APP.served[name].function for name in ("left/asker", "left/peer")]
    return planned_module(
        served(routed, Settings(), own), Wanted(url="http://app:8000", kafka="kafka:9092", gateway=True)
    )


@asynccontextmanager
async def flink() -> AsyncGenerator[WireEngine]:
    async with WIRE_3.start(*SERVED, settings=Settings(accept_restore=True)) as engine:
        assert isinstance(engine, WireEngine)
        yield engine
        assert engine.reasons == []


def contents(path: Path, *, leave_egress: bool = False) -> StoreContents:
    with open_alone(path) as store:
        return StoreContents(store.reader, APP, module(), START_MS, leave_egress=leave_egress)


async def committed(path: Path, content: Commit) -> None:
    store = SqliteStore(path)
    await store.commit(content)
    store.close()


async def test_asks_and_recurring_messages_that_concern_unrouted_types_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with TestRuntime(*SERVED, start=START, store=SqliteStore(path)) as runtime:
        await runtime.tell(ASKER, Begin(PEER))
        await runtime.tell(Address("left/asker", "b"), Begin(OTHER))
        await runtime.tell(OTHER, Begin(PEER))
    async with flink() as engine:
        with open_alone(path) as store:
            found = StoreContents(store.reader, APP, module(), START_MS)
            await Move(found, WireExchange(engine), lambda: START_MS).run()

        assert +found.counts == {"asks": 1, "schedules": 1}
        assert [str(each) for each in found.left] == [
            "asks and recurring messages that concern function types that are not routed: 4 (left/asker/b, "
            "elsewhere/other/o, …)",
            "entities of function types that are not served and routed: 1 (elsewhere/other/o)",
        ]
        assert sorted(each[2].typename for each in engine._delayed) == [REPLY, SCHEDULE]
        await engine.advance(7200)
        assert engine.state(ASKER) == {"log": [str(NoAnswer(PEER, "timeout"))]}


async def test_an_order_that_waits_and_names_an_unrouted_type_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    repeat = [
        order(Repeat((ASKER[0], ASKER[1]), "n", Recurrence(60_000), (to[0], to[1]), ("left/ping", b""), START_MS))
        for to in (OTHER, PEER)
    ]
    schedule = Address(SCHEDULE, schedule_id(ASKER, "n"))
    waiting = [Message(number, schedule, value, ASKER) for number, value in enumerate(repeat, 1)]
    await committed(path, Commit(messages=waiting, next_seq=9))

    found = contents(path)

    assert found.counts == {"waiting": 1}
    assert [str(each) for each in found.left] == [
        f"waiting messages of function types that are not served and routed: 1 ({schedule})"
    ]


async def test_records_that_no_target_has_taken_stay_only_by_an_option(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    records = [EgressRecord(1, "left/out", pack(1)), EgressRecord(2, "left/more", pack(1))]
    await committed(path, Commit(egress=records, next_seq=9))

    with pytest.raises(MoveStoppedError) as stopped:
        contents(path)

    assert str(stopped.value) == (
        "egress records wait that no target has taken: left/more (1), left/out (1). Nothing was moved. Run the engine "
        "with targets for them until they are written, or leave them in the store with --leave-egress."
    )
    assert [str(each) for each in contents(path, leave_egress=True).left] == [
        "egress records that no target has taken: 2 (left/more, left/out)"
    ]


@pytest.mark.parametrize(
    ("paused", "count"),
    [(ASKER, 1), ("left/asker", 1), (PEER, 1), ("left/peer", 1), (OTHER, 0), (Address("left/peer", "q"), 0)],
)
async def test_messages_for_what_is_paused_are_refused(tmp_path: Path, paused: PauseTarget, count: int) -> None:
    path = tmp_path / "a.db"
    async with TestRuntime(*SERVED, start=START, store=SqliteStore(path)) as runtime:
        await runtime.tell(ASKER, Begin(PEER))
    await committed(path, Commit(positions=pauses_position({paused: 1}), next_seq=99))

    if not count:
        assert [str(each) for each in contents(path).left] == [f"pauses: 1 ({paused})"]
        return
    with pytest.raises(MoveStoppedError) as stopped:
        contents(path)
    assert str(stopped.value) == (
        f"messages wait for what is paused, or will come to it: {paused} ({count}). Flink knows no pauses, so the job "
        "would handle them. Nothing was moved. Resume it first, with `statefun-actors resume`, then run the command "
        "again."
    )


async def test_waiting_and_delayed_messages_for_what_is_paused_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    content = Commit(
        messages=[Message(1, PEER, pack(Ping()))],
        timers=[Timer(2, START_MS + 9, PEER, pack(Ping()), ASKER)],
        positions=pauses_position({PEER: 1}),
        next_seq=9,
    )
    await committed(path, content)

    with pytest.raises(MoveStoppedError) as stopped:
        contents(path)
    assert stopped.value.reason == (
        "messages wait for what is paused, or will come to it: left/peer/p (2). Flink knows no pauses, so the job "
        "would handle them. Nothing was moved"
    )
