"""Pauses are durable: over restarts and failed commits, in notices, and under a type's new name."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from statefun_actors import Entity, handles, persisted
from statefun_actors.dispatch import Application, EpochCommitted, Instrument
from statefun_actors.engine import EpochLostError
from statefun_actors.store import Commit, MemoryStore, NotPausedError, PauseTarget, StoreError, read_pauses
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import pack
from tests.engine.engines import HeldStore, held, running, send, until
from tests.engine.tallies import A, B, Tally, pause, resume, send_all

pytestmark = pytest.mark.usefixtures("nothing_handled")


async def test_a_pause_survives_a_restart_and_so_do_the_messages(tmp_path: Path) -> None:
    targets: list[PauseTarget] = [A, A.typename]
    for target in targets:
        path = tmp_path / str(target).replace("/", "-")
        store = SqliteStore(path)
        async with running(Tally, store=store) as engine:
            send_all(engine, [1, 2])
            await engine.idle()
            await pause(engine, target)
            send_all(engine, [3, 4])
            await engine.durable()
        store.close()
        store = SqliteStore(path)
        async with running(Tally, store=store) as engine:
            send_all(engine, [5])
            await engine.idle()
            before, pauses = held(engine, A, "numbers"), dict(engine.view.pauses)
            await resume(engine, target)
            await engine.idle()
            after = held(engine, A, "numbers")
        store.close()
        store = SqliteStore(path)
        assert read_pauses(store.recover()) == {}
        store.close()

        assert (before, list(pauses)) == ([1, 2], [target])
        assert after == [1, 2, 3, 4, 5]


async def test_a_pause_whose_commit_fails_is_none() -> None:
    store = HeldStore()
    async with running(Tally, store=store) as engine:
        store.fail = True
        with pytest.raises(EpochLostError, match="the disk is full"):
            await pause(engine, A)
        store.fail = False
        await until(lambda: engine.view.error is None)
        send_all(engine, [1])
        await engine.idle()

        assert dict(engine.view.pauses) == {}
        assert held(engine, A, "numbers") == [1]


async def test_an_entity_that_is_paused_twice_is_resumed_twice() -> None:
    async with running(Tally) as engine:
        await pause(engine, A, A.typename)
        send_all(engine, [1])
        await resume(engine, A)
        await engine.idle()
        still = held(engine, A, "numbers")
        with pytest.raises(NotPausedError) as by_type:
            await resume(engine, A)
        await resume(engine, A.typename)
        await engine.idle()
        with pytest.raises(NotPausedError) as not_paused:
            await resume(engine, A)

        assert (still, held(engine, A, "numbers")) == (None, [1])
        assert str(by_type.value) == (
            "test/tally/a is paused with its function type test/tally; resume test/tally instead."
        )
        assert str(not_paused.value) == (
            "test/tally/a is not paused. `statefun-actors pause` without a target lists what is paused."
        )


async def test_more_entities_than_are_resumed_at_once_are_all_resumed() -> None:
    async with running(Tally) as engine:
        await pause(engine, A.typename)
        for number in range(2_500):
            send(engine, Tally.at(str(number)), pack(number))
        await engine.idle()
        await resume(engine, A.typename)
        await pause(engine, Tally.at("2499"))
        await engine.idle()

        assert sorted(Tally.handled) == list(range(2_499))


async def test_a_renamed_type_stays_paused() -> None:
    class Renamed(Entity, typename="test/renamed", was="test/tally"):
        numbers: list[int] = persisted(factory=list)

        @handles(int)
        def add(self, message: int) -> None:
            self.numbers.append(message)

    store = MemoryStore()
    async with running(Tally, store=store) as engine:
        await pause(engine, A, "test/tally")
        send_all(engine, [1])
        await engine.durable()
    async with running(Renamed, store=store) as engine:
        await engine.idle()
        assert set(engine.view.pauses) == {Renamed.at("a"), "test/renamed"}
        await resume(engine, A)
        await resume(engine, "test/tally")
        await engine.idle()
        assert held(engine, Renamed.at("a"), "numbers") == [1]


async def test_the_notices_say_what_is_paused() -> None:
    async with running(Tally) as engine:
        await pause(engine, A, A.typename)
        send_all(engine, [1, 2])
        send(engine, B, pack(3))
        await engine.idle()

        assert engine.notices() == [
            "test/tally/a is paused since 2026-01-01T00:00:00Z; messages waiting: 2",
            "test/tally is paused since 2026-01-01T00:00:00Z; messages waiting: 3",
        ]


async def test_the_notices_say_what_is_kept_for_a_paused_type_that_nothing_serves() -> None:
    class Other(Entity, typename="test/other"):
        @handles(int)
        def take(self, message: int) -> None:
            pass

    store = MemoryStore()
    async with running(Tally, store=store) as engine:
        await pause(engine, A, A.typename)
        send_all(engine, [1, 2])
        await engine.durable()
    async with running(Other, store=store) as engine:
        await engine.idle()

        kept = "is paused since 2026-01-01T00:00:00Z; nothing here serves test/tally; messages kept for it: 2"
        assert engine.notices() == [f"test/tally/a {kept}", f"test/tally {kept}"]


async def test_commits_count_what_is_paused() -> None:
    class Watch(Instrument):
        paused: ClassVar[list[int]] = []

        def epoch_committed(self, event: EpochCommitted) -> None:
            Watch.paused.append(event.paused)

    async with running(app=Application(Tally, instruments=[Watch()])) as engine:
        await pause(engine, A, B)
        await resume(engine, A)

    assert Watch.paused[:2] == [2, 1]


@pytest.mark.parametrize("text", ["{}", '[["test/tally",null]]', '[["tally",3,1]]', '[["tally","a",1]]'])
async def test_a_position_that_is_no_list_of_pauses_is_reported(text: str) -> None:
    store = MemoryStore()
    await store.commit(Commit(positions={"paused": text}))
    with pytest.raises(StoreError, match="its position 'paused' must be a list of"):
        read_pauses(store.recover())
