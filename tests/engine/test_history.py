"""The history of entities: what a batch did is recorded in its epoch, exactly once."""

from __future__ import annotations

import pickle
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest

from statefun_actors import Address, Entity, handles, persisted
from statefun_actors.engine import ManualClock
from statefun_actors.history import KEEP, DamagedHistoryError, Kind, read_entries, read_history
from statefun_actors.history.entries import encode, key_of, row_of
from statefun_actors.ingress import IngressMessage
from statefun_actors.store import Commit, HistoryRow, MemoryStore
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import pack
from tests.engine.engines import HeldStore, running, send, until
from tests.engine.remembered import ON, A, First, Second, of, packed


class Passing(Entity, typename="test/passing"):
    seen: int = persisted(default=0, expire_after_call=timedelta(seconds=10))

    @handles(int)
    def add(self, message: int) -> None:
        self.seen += message


async def test_a_message_is_recorded_with_its_fields_before_and_after_and_what_it_sent() -> None:
    store = MemoryStore()
    async with running(First, Second, store=store, options=ON) as engine:
        for number in (3, 4):
            send(engine, A, pack(number))
            await engine.settled()

        new, old = of(store, A)
        assert (new.kind, [message.value for message in new.messages]) == (Kind.HANDLED, [packed(4)])
        assert [(each.state, each.before, each.after) for each in new.changes] == [("total", packed(3), packed(7))]
        assert [(each.state, each.before, each.after) for each in old.changes] == [("total", None, packed(3))]
        assert [(each.kind, each.to, each.id, each.delay_ms, each.token) for each in new.out] == [
            (0, "test/second", "a", 0, None),
            (1, "test/second", "a", 60_000, "later"),
            (2, "test/out", "", 0, None),
        ]
        assert new.micros > 0
        (received,) = of(store, Second.at("a"))[0].messages
        assert (received.seq, received.caller) == (new.out[0].seq, tuple(A))


async def test_an_engine_without_a_history_writes_none() -> None:
    store = MemoryStore()
    async with running(First, Second, store=store) as engine:
        send(engine, A, pack(3))
        await engine.settled()

    assert store.history_sizes() == []
    assert KEEP not in store.recover().positions


async def test_a_dead_letter_and_a_message_that_succeeds_at_last_are_recorded_with_their_error_and_attempts() -> None:
    store, clock = MemoryStore(), ManualClock()
    First.failures = 0
    async with running(First, Second, store=store, options=ON, clock=clock) as engine:
        send(engine, A, pack("it"))
        await engine.settled()
        send(engine, A, pack(True))
        await until(lambda: engine.view.failing_message(A) is not None)
        clock.set_ms(clock.now_ms() + 120_000)
        engine.wake()
        await until(lambda: First.failures == 2)
        await engine.settled()

        succeeded, refused = of(store, A)
        assert [each.seq for each in refused.messages] == [1]
        assert [(f.attempts, f.error_type, f.error, f.settlement) for f in refused.failures] == [
            (1, "ValueError", "not it", "dead letter")
        ]
        assert [(f.attempts, f.error_type, f.error, f.settlement) for f in succeeded.failures] == [
            (2, "OSError", "the disk is full", "")
        ]


async def test_changes_by_an_operator_are_recorded() -> None:
    store = MemoryStore()
    async with running(First, Second, store=store, options=ON) as engine:
        changes = engine.changes
        await engine.apply(lambda: changes.set_state(A, "total", pack(9), None))
        await engine.apply(lambda: changes.pause([A, "test/second"]))
        await engine.apply(lambda: changes.resume([A]))
        await engine.apply(lambda: changes.resume(["test/second"]))

        of_type = [(place, entry.type, Kind(entry.kind)) for place, entry in read_history(store, [Second.at("b")])]
        assert of_type == [(None, "test/second", Kind.RESUMED), (None, "test/second", Kind.PAUSED)]
        assert [place for place, _ in read_history(store, [A]) if place is None] == []
        assert [Kind(entry.kind) for entry in of(store, A)] == [Kind.RESUMED, Kind.PAUSED, Kind.EDITED]
        (change,) = of(store, A)[-1].changes
        assert (change.state, change.before, change.after) == ("total", None, packed(9))


async def test_an_entity_that_expires_loses_its_history() -> None:
    store, clock = MemoryStore(), ManualClock()
    address = Passing.at("p")
    async with running(Passing, store=store, options=ON, clock=clock) as engine:
        send(engine, address, pack(1))
        await engine.settled()
        assert len(of(store, address)) == 1
        clock.set_ms(clock.now_ms() + 300_000)
        engine.wake()
        await until(lambda: of(store, address) == [])
        send(engine, address, pack(2))
        await engine.settled()

        assert [entry.messages[0].value for entry in of(store, address)] == [packed(2)]


async def test_a_lost_epoch_is_not_in_the_history_and_its_messages_are_there_once() -> None:
    store = HeldStore()
    async with running(First, Second, store=store, options=ON) as engine:
        send(engine, A, pack(1))
        await engine.settled()
        store.fail = True
        engine.take(IngressMessage(A, pack(2)), lambda _: None)
        await until(lambda: engine.view.error is not None)
        store.fail = False
        await until(lambda: engine.view.error is None)
        send(engine, A, pack(3))
        await engine.settled()

        assert [entry.messages[0].value for entry in of(store, A)] == [packed(3), packed(1)]


async def test_the_history_survives_a_restart_and_goes_on(tmp_path: Path) -> None:
    for number in range(3):
        store = SqliteStore(tmp_path / "store.db")
        async with running(First, Second, store=store, options=ON) as engine:
            send(engine, A, pack(number))
            await engine.settled()
        store.close()
    reader = SqliteStore.open_reader(tmp_path / "store.db")

    assert [entry.messages[0].value for entry in of(reader, A)] == [packed(2), packed(1), packed(0)]  # type: ignore[arg-type]
    assert reader.integrity_check() == []
    reader.close()


async def test_entries_under_two_names_of_a_type_are_read_in_order_and_no_further_than_needed() -> None:
    store, new, old = MemoryStore(), Address("t/new", "a"), Address("t/old", "a")
    keys = [key_of(*new), key_of(*old)]
    entries = [
        encode((*address, at_ms, Kind.HANDLED, 0, [(at_ms, packed(1), None, 0)]))
        for at_ms, address in enumerate((old, new, old, new))
    ]
    damaged = HistoryRow(1, " ".join(keys), b"\xc1")
    await store.commit(Commit(history=[damaged, row_of(2, keys, entries[:3]), row_of(3, keys[:1], entries[3:])]))
    found = read_entries(store, [new, old])

    assert [entry.at_ms for _, entry in islice(found, 4)] == [3, 2, 1, 0]
    with pytest.raises(DamagedHistoryError) as raised:
        next(found)
    assert str(raised.value) == (
        "row 1 of the history can't be unpacked: MessagePack data is malformed: invalid opcode '\\xc1' (byte 0). State "
        "and messages are not affected. Restore a backup to see the entries up to this row."
    )
    assert not raised.value.retryable
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)
