"""Damaged state of one entity: only its messages fail, views report it, and it is not overwritten."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from statefun_actors import Address, Discard, Entity, handles, persisted
from statefun_actors.admin import export_store, read_entities
from statefun_actors.engine import ManualClock
from statefun_actors.store import Commit, DamagedStateError, EntityRow, MemoryStore
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import pack
from tests.engine.engines import held, running, send


class Counter(Entity, typename="test/counter", on_failure=Discard()):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.n += message


class Fading(Entity, typename="test/fading"):
    n: int | None = persisted(default=None, expire_after_write=timedelta(seconds=10))

    @handles(int)
    def put(self, message: int) -> None:
        self.n = message


BAD, GOOD = Counter.at("bad"), Counter.at("good")
TEXT = (
    "the stored state of test/counter/bad is damaged: expected a packed entity, got 3 bytes: Input data was truncated. "
    "Nothing else is affected, and it is not overwritten. Restore a backup; or stop the engine, and "
    "export the store, mend or remove the line of this entity, and import that."
)


def damaged(address: Address, expires_ms: int | None = None) -> Commit:
    return Commit(entities=[EntityRow(address, b"\x93\x81\xa1", expires_ms)])


async def test_it_fails_the_batches_of_its_address_in_spite_of_a_policy_and_nothing_else() -> None:
    store, clock = MemoryStore(), ManualClock()
    await store.commit(damaged(BAD))
    async with running(Counter, store=store, clock=clock) as engine:
        for number in (1, 2):
            for address in (GOOD, BAD):
                send(engine, address, pack(number))
        await engine.settled()
        (failing,) = engine.view.failing_messages()
        kept = store.load([BAD])
        with pytest.raises(DamagedStateError):
            engine.view.state(BAD)
        good = held(engine, GOOD, "n")
        await store.commit(Commit(entities=[EntityRow(BAD, None)]))
        clock.set_ms(clock.now_ms() + 60_000)
        await engine.idle()

        assert (failing.error_type, failing.error) == ("DamagedStateError", TEXT)
        assert (failing.message.target, failing.behind, kept, good) == (BAD, 1, [b"\x93\x81\xa1"], 3)
        assert held(engine, BAD, "n") == 3


async def test_it_is_not_swept_away_nor_in_the_way_of_what_is() -> None:
    store, clock = MemoryStore(), ManualClock()
    await store.commit(damaged(Fading.at("bad"), expires_ms=clock.now_ms()))
    async with running(Fading, store=store, clock=clock) as engine:
        send(engine, Fading.at("good"), pack(5))
        await engine.idle()
        clock.set_ms(clock.now_ms() + 120_000)
        await engine.idle()

        assert [row.address.id for row in store.entities("test/fading")] == ["bad"]


async def test_a_damaged_entity_is_an_error_for_readers_and_an_export_has_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    store = SqliteStore(path)
    await store.commit(damaged(BAD))
    exported = [msgspec.json.decode(line) for line in export_store(store)]
    store.close()

    with pytest.raises(DamagedStateError) as raised:
        list(read_entities(path, Counter))
    assert str(raised.value) == TEXT
    assert [line["packed"] for line in exported if line["kind"] == "entity"] == ["k4Gh"]
