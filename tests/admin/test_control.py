"""Every control under the same checks, and the requests that only a control socket takes."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from statefun_actors import Address, Entity, handles, persisted
from statefun_actors.admin import (
    Control,
    ControlSocket,
    ControlSocketError,
    DeadLetterRetry,
    EngineControl,
    FieldEdit,
    Posting,
    SocketControl,
    StoreControl,
    TimerKey,
    open_control,
)
from statefun_actors.asking import REPLY
from statefun_actors.engine import EpochLostError, ManualClock, NoTimerError, NotSetError, SystemClock
from statefun_actors.partitions import Partition
from statefun_actors.store import (
    Commit,
    MemoryStore,
    Store,
    StoreError,
    StoreInUseError,
    StoreReader,
    Timer,
    open_reader,
)
from statefun_actors.store.partitioned import create_partitions, open_partition
from statefun_actors.store.sqlite import SqliteReader, SqliteStore
from statefun_actors.types import pack
from tests.admin.control_checks import ADA, CHECKS, FIVE, GIVEN, Check
from tests.engine.engines import HeldStore, held, running


class Counter(Entity, typename="test/counter"):
    total: int = persisted(default=0)

    @handles
    def add(self, amount: int) -> None:
        self.total += amount


async def given(store: Store) -> Store:
    await store.commit(GIVEN)
    return store


@asynccontextmanager
async def over_a_store_in_memory(folder: Path) -> AsyncGenerator[tuple[Control, StoreReader]]:
    store = await given(MemoryStore())
    yield StoreControl(store, SystemClock()), store


@asynccontextmanager
async def over_a_store_on_disk(folder: Path) -> AsyncGenerator[tuple[Control, StoreReader]]:
    (await given(SqliteStore(folder / "store.db"))).close()
    control = await open_control(folder / "store.db")
    assert isinstance(control, StoreControl)
    yield control, SqliteReader(folder / "store.db")
    await control.close()


@asynccontextmanager
async def over_an_engine(folder: Path) -> AsyncGenerator[tuple[Control, StoreReader]]:
    store = await given(MemoryStore())
    async with running(Counter, store=store, clock=SystemClock()) as engine:
        yield EngineControl(engine), store


@asynccontextmanager
async def over_a_door(folder: Path) -> AsyncGenerator[tuple[Control, StoreReader]]:
    async with engine_with_door(folder / "store.db"):
        control = await open_control(folder / "store.db")
        assert isinstance(control, SocketControl)
        yield control, SqliteReader(folder / "store.db")
        await control.close()


@asynccontextmanager
async def engine_with_door(path: Path) -> AsyncGenerator[ControlSocket]:
    store = SqliteStore(path)
    await given(store)
    async with running(Counter, store=store, clock=SystemClock()) as engine:
        door = await ControlSocket.open(store, path, EngineControl(engine))
        try:
            yield door
        finally:
            await door.close()
    store.close()


@asynccontextmanager
async def over_one_partition(folder: Path) -> AsyncGenerator[tuple[Control, StoreReader]]:
    """Of a store with several partitions, the numbers differ: see tests/partitions."""
    path = folder / "store.db"
    layout = await asyncio.to_thread(create_partitions, path, 1)
    (await given(open_partition(path, Partition(0, 1), layout.system))).close()
    control = await open_control(path)
    reader = open_reader(path)
    yield control, reader
    await control.close()
    reader.close()


WAYS: dict[str, Callable[[Path], AbstractAsyncContextManager[tuple[Control, StoreReader]]]] = {
    "memory": over_a_store_in_memory,
    "disk": over_a_store_on_disk,
    "engine": over_an_engine,
    "door": over_a_door,
    "partition": over_one_partition,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_every_control_keeps_to(check: Check, way: str, tmp_path: Path) -> None:
    async with WAYS[way](tmp_path) as (control, store):
        await check(control, store)


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


# Through an engine


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


# The door


def left_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def test_the_socket_is_next_to_the_store_for_this_user_alone_and_ends_with_its_engine(tmp_path: Path) -> None:
    async with engine_with_door(tmp_path / "store.db") as door:
        assert door.path == tmp_path / "store.db.sock"
        assert stat.S_IMODE(door.path.stat().st_mode) == 0o600
        assert f"door {door.path}\n" in (tmp_path / "store.db.lock").read_text()

    assert left_in(tmp_path) == ["store.db", "store.db.lock"]


@pytest.mark.parametrize("name", ["deep " * 40, "two\nlines"])
async def test_where_the_name_of_a_socket_ends_the_lock_file_says_where_it_is(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    async with engine_with_door(folder / "store.db") as door:
        control = await open_control(folder / "store.db")
        await control.discard([2])
        await control.close()

        assert len(str(door.path)) < 100
        assert stat.S_IMODE(door.path.parent.stat().st_mode) == 0o700
        assert [entry.seq for entry in SqliteReader(folder / "store.db").dead_letters()] == [4, 6]
    assert not door.path.parent.exists()


async def test_a_socket_that_a_killed_engine_left_is_no_obstacle(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "store.db.sock"))
    left.close()
    async with engine_with_door(tmp_path / "store.db"):
        control = await open_control(tmp_path / "store.db")
        await control.discard([2])
        await control.close()


async def test_a_person_can_talk_to_the_door(tmp_path: Path) -> None:
    async with engine_with_door(tmp_path / "store.db") as door:
        reported = await said(
            door,
            b'{"do": "discard", "seqs": [2]}',
            b'{"do": "discard", "seqs": [2]}',
            b'{"do": "retry", "letters": [{"seq": 4}]}',
            b'{"do": "send", "messages": [{"type": "bank", "id": "a", "value": {"type": "a/b", "base64": ""}}]}',
            b'{"do": "dance"}',
            b'{"do": "discard", "sequs": [2]}',
            b"\xff",
            b"",
        )

    assert reported[:3] == [{"is": "done"}, {"is": "no-dead-letter", "seq": 2}, {"is": "done"}]
    assert [answer["is"] for answer in reported[3:]] == ["refused"] * 5
    assert reported[3]["reason"].startswith("a function type is <namespace>/<name>: got 'bank'.")
    assert reported[4]["reason"] == "Invalid value 'dance' - at `$.do`"
    assert reported[5]["reason"] == "Object contains unknown field `sequs`"


async def said(door: ControlSocket, *lines: bytes) -> list[dict[str, str]]:
    reader, writer = await asyncio.open_unix_connection(str(door.path))
    writer.write(b"".join(line + b"\n" for line in lines))
    answers = [json.loads(await reader.readline()) for _ in lines]
    writer.close()
    await writer.wait_closed()
    return answers


async def test_a_request_before_the_socket_closes_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore(path)
    async with running(Counter, store=store, clock=SystemClock()) as engine:
        gate, begun = asyncio.Event(), asyncio.Event()

        class Slow(EngineControl):
            async def discard(self, seqs: object) -> None:
                begun.set()
                await gate.wait()

        door = await ControlSocket.open(store, path, Slow(engine))
        control, idle = await open_control(path), await open_control(path)
        asking = asyncio.create_task(control.discard([1]))
        await begun.wait()
        closing = asyncio.create_task(door.close())
        await asyncio.sleep(0)
        gate.set()
        await asking
        await closing

        with pytest.raises(ControlSocketError, match="check before you repeat it"):
            await idle.discard([1])
        await control.close()
        await idle.close()
    store.close()


async def test_a_silent_socket_times_out(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "x.sock"))
        silent.listen()
        control = await SocketControl.connect(str(tmp_path / "x.sock"), patience=0.01)
        with pytest.raises(ControlSocketError) as refused:
            await control.retry([DeadLetterRetry(1)])
        await control.close()

    assert str(refused.value) == (
        f"the engine behind {tmp_path}/x.sock has not answered within 0.01 s; a handler may be blocking it. "
        "The change may or may not have been made: check before you repeat it."
    )


# Which control a store takes


async def test_without_a_store_there_is_no_control(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as refused:
        await open_control(tmp_path / "store.db")

    assert str(refused.value) == (
        f"store {tmp_path}/store.db: the file does not exist. `statefun-actors run` creates it."
    )


async def test_a_store_in_use_without_a_door_says_by_whom(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")

    with pytest.raises(StoreInUseError, match=f"it is in use by process {os.getpid()} since .*Z. Stop it first."):
        await open_control(tmp_path / "store.db", patience=0)
    store.close()


async def test_an_engine_that_has_closed_its_door_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore(path)
    async with running(Counter, store=store, clock=SystemClock()) as engine:
        await (await ControlSocket.open(store, path, EngineControl(engine))).close()
        opening = asyncio.create_task(open_control(path, patience=0))
        await asyncio.sleep(0)
        assert not opening.done()
    store.close()
    control = await opening
    await control.send([Posting(ADA, FIVE)])
    await control.close()

    reader = SqliteReader(path)
    assert reader.counts()["messages"] == 1
    reader.close()


async def test_a_door_that_opens_late_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore(path)
    async with running(Counter, store=store, clock=SystemClock()) as engine:
        opening = asyncio.create_task(open_control(path))
        await asyncio.sleep(0)
        door = await ControlSocket.open(store, path, EngineControl(engine))
        control = await opening
        await control.send([Posting(ADA, FIVE)])
        await control.close()
        await door.close()

        assert store.counts()["messages"] == 1
    store.close()


async def test_an_engine_that_starts_meanwhile_waits_for_a_control_without_one(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    SqliteStore(path).close()
    control = await open_control(path)

    opening = asyncio.create_task(asyncio.to_thread(SqliteStore, path))
    await control.send([Posting(ADA, FIVE)])
    assert not opening.done()
    await control.close()

    store = await opening
    assert store.counts()["messages"] == 1
    store.close()
