"""The history of entities: what a batch did is recorded in its epoch, exactly once, bounded, and shed under load."""

from __future__ import annotations

import logging
import pickle
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest
from msgspec.structs import replace

from statefun_actors import Address, DeadLetter, Entity, handles, persisted
from statefun_actors.engine import EngineOptions, ManualClock
from statefun_actors.history import (
    KEEP,
    DamagedHistoryError,
    Entry,
    Kind,
    Recorder,
    Step,
    read_entries,
    read_history,
    without_large,
)
from statefun_actors.history.entries import encode, entries_of, key_of, row_of
from statefun_actors.history.step import packed_step
from statefun_actors.ingress import IngressMessage
from statefun_actors.model import Cancel, Effect, Egress, Send, SendAfter
from statefun_actors.store import Commit, HistoryRow, MemoryStore, Message, Store
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import pack
from tests.engine.engines import HeldStore, running, send, until
from tests.engine.recorded import commit, read_gaps, steps

ON = EngineOptions(history=100)


class Second(Entity, typename="test/second"):
    total: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.total += message


class First(Entity, typename="test/first"):
    total: int = persisted(default=0)
    failures = 0

    @handles(int)
    def add(self, message: int) -> None:
        self.total += message
        self.send(Second.at(self.id), message)
        self.send_after(timedelta(minutes=1), Second.at(self.id), message, cancellation_token="later")
        self.send_egress("test/out", f"{message}")

    @handles(str, on_failure=DeadLetter("test/dead", attempts=1))
    def refuse(self, message: str) -> None:
        raise ValueError(f"not {message}")

    @handles(bool)
    def flaky(self, message: bool) -> None:
        First.failures += 1
        if First.failures == 1:
            raise OSError("the disk is full")


class Large(Entity, typename="test/large"):
    text: str = persisted(default="")

    @handles(int)
    def fill(self, size: int) -> None:
        self.text = "x" * size
        self.send(Address("test/elsewhere", "b"), self.text)

    @handles(str)
    def many(self, text: str) -> None:
        for _ in range(1_000):
            self.send(Address("test/elsewhere", "a"), text)


class Passing(Entity, typename="test/passing"):
    seen: int = persisted(default=0, expire_after_call=timedelta(seconds=10))

    @handles(int)
    def add(self, message: int) -> None:
        self.seen += message


A = First.at("a")


def of(store: Store, address: Address) -> list[Entry]:
    return [entry for _, entry in read_entries(store, [address])]


async def test_a_message_is_recorded_with_its_fields_before_and_after_and_what_it_sent() -> None:
    store = MemoryStore()
    async with running(First, Second, store=store, options=ON) as engine:
        for number in (3, 4):
            send(engine, A, pack(number))
            await engine.settled()

        new, old = of(store, A)
        assert (new.kind, [message.value for message in new.messages]) == (Kind.HANDLED, [_packed(4)])
        assert [(each.state, each.before, each.after) for each in new.changes] == [("total", _packed(3), _packed(7))]
        assert [(each.state, each.before, each.after) for each in old.changes] == [("total", None, _packed(3))]
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
        assert (change.state, change.before, change.after) == ("total", None, _packed(9))


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

        assert [entry.messages[0].value for entry in of(store, address)] == [_packed(2)]


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

        assert [entry.messages[0].value for entry in of(store, A)] == [_packed(3), _packed(1)]


async def test_the_history_survives_a_restart_and_goes_on(tmp_path: Path) -> None:
    for number in range(3):
        store = SqliteStore(tmp_path / "store.db")
        async with running(First, Second, store=store, options=ON) as engine:
            send(engine, A, pack(number))
            await engine.settled()
        store.close()
    reader = SqliteStore.open_reader(tmp_path / "store.db")

    assert [entry.messages[0].value for entry in of(reader, A)] == [_packed(2), _packed(1), _packed(0)]  # type: ignore[arg-type]
    assert reader.integrity_check() == []
    reader.close()


async def test_a_value_that_is_too_large_is_recorded_by_its_size() -> None:
    store = MemoryStore()
    async with running(First, Second, store=store, options=ON) as engine:
        send(engine, A, pack("x" * 100_000))
        await engine.settled()

        (message,) = of(store, A)[0].messages
        assert message.value == (pack("").typename, len(pack("x" * 100_000).value))


async def test_small_epochs_share_a_row_and_large_ones_have_their_own() -> None:
    store = MemoryStore()
    recorder = Recorder(store, 10_000, lambda: 5)
    for number in range(20):
        await commit(store, recorder, steps(1, first=number))
    assert len(store.history_sizes()) == 1
    await commit(store, recorder, steps(1_000))
    await commit(store, recorder, steps(1_000))

    assert len(store.history_sizes()) == 2
    assert len(of(store, Address("t/e", "a"))) == 2_020


async def test_of_one_epoch_only_the_last_messages_of_an_entity_are_packed() -> None:
    store = MemoryStore()
    recorder = Recorder(store, 5, lambda: 5)
    await commit(store, recorder, [*steps(100), *steps(2, entity=Address("t/e", "b"))])

    assert [entry.messages[0].seq for entry in of(store, Address("t/e", "a"))] == [100, 99, 98, 97, 96]
    assert len(of(store, Address("t/e", "b"))) == 2


async def test_all_rows_together_are_bounded_and_the_oldest_are_deleted() -> None:
    store = MemoryStore()
    recorder = Recorder(store, 10_000, lambda: 5, 100_000)
    for number in range(30):
        await commit(store, recorder, steps(200, first=number * 200))
    recorder = Recorder(store, 10_000, lambda: 5, 100_000)
    for number in range(30, 40):
        await commit(store, recorder, steps(200, first=number * 200))

    assert sum(size for _, size in store.history_sizes()) <= 100_000
    seqs = [entry.messages[0].seq for entry in of(store, Address("t/e", "a"))]
    assert seqs == list(range(7_999, 7_999 - len(seqs), -1))
    assert len(seqs) >= 200


async def test_under_load_messages_are_not_recorded_and_a_gap_says_so() -> None:
    store = MemoryStore()
    recorder = Recorder(store, 1_000, lambda: 5)
    recorder.share = 1.0
    await commit(store, recorder, steps(500, at_ms=1_000), full=True)
    recorder.share = 1.0
    await commit(store, recorder, steps(500, at_ms=2_000), full=True)
    await commit(store, recorder, steps(1, at_ms=3_000))

    (gap,) = read_gaps(store)
    assert (gap.at_ms, gap.until_ms, gap.count) == (1_000, 2_000, 1_000)
    assert len(of(store, Address("t/e", "a"))) == 1


def _packed(value: object) -> tuple[str, bytes]:
    packed = pack(value)
    return (packed.typename, packed.value)


async def test_a_batch_that_is_too_large_is_not_recorded_and_a_gap_says_so() -> None:
    store, address = MemoryStore(largest_row=6_000_000), Large.at("a")
    async with running(Large, store=store, options=ON) as engine:
        send(engine, address, pack("x" * 8_000))
        await engine.settled()
        send(engine, address, pack(3))
        await engine.settled()

        assert [message.value for entry in of(store, address) for message in entry.messages] == [_packed(3)]
        assert [gap.count for gap in read_gaps(store)] == [1]
        assert [list(store.dead_letters()), len(store.messages_to(Address("test/elsewhere", "a"), 0, 2_000))] == [
            [],
            1_000,
        ]


def test_a_step_does_not_keep_the_bytes_of_large_values_in_memory() -> None:
    address, large = Address("t/e", "a"), pack("x" * 10_000)
    size = len(large.value)
    effects: list[tuple[Effect, int]] = [
        (Send(address, large), 1),
        (SendAfter(address, large, 5), 2),
        (Egress("t/out", large), 3),
        (Cancel("token"), 0),
    ]
    changes = [("text", None, large), ("n", pack(1), pack(2))]
    messages = [Message(1, address, large), Message(2, address, pack(1))]
    step = Step(address, 1, Kind.HANDLED, 0.0, messages, [3, 4], changes, effects)
    small = without_large(step)

    assert packed_step(small) == packed_step(step)
    assert sum(len(message.value.value) for message in small.messages) == len(pack(1).value)
    (entry,) = entries_of(row_of(1, [], [packed_step(small)]))
    assert [out.value for out in entry.out] == [(large.typename, size)] * 3 + [None]
    assert (entry.messages[0].value, entry.changes[0].after) == ((large.typename, size), (large.typename, size))
    assert without_large(small) is small


async def test_what_cannot_be_packed_does_not_make_a_commit_fail() -> None:
    store = MemoryStore()
    recorder = Recorder(store, 100, lambda: 5)
    (whole,) = steps(1)
    broken = replace(whole, effects=[(Cancel("\ud800"), 0)])
    await commit(store, recorder, [broken, whole])

    assert len(of(store, Address("t/e", "a"))) == 1
    assert [gap.count for gap in read_gaps(store)] == [1]


async def test_under_load_changes_by_an_operator_are_recorded_and_it_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, address = MemoryStore(), Address("t/e", "a")
    recorder = Recorder(store, 100, lambda: 5)
    edited = Step(address, 1, Kind.EDITED, changes=[("n", pack(1), pack(2))])
    caplog.set_level(logging.INFO, "statefun_actors.engine")
    for _ in range(3):
        recorder.share = 1.0
        await commit(store, recorder, [*steps(10), edited], full=True)

    assert [entry.kind for entry in of(store, address)] == [Kind.EDITED] * 3
    assert [gap.count for gap in read_gaps(store)] == [30]
    assert [record.message for record in caplog.records] == [
        "messages, of any entities, were not recorded in the history: the engine was at its limit, or they were too "
        "large"
    ]


async def test_entries_under_two_names_of_a_type_are_read_in_order_and_no_further_than_needed() -> None:
    store, new, old = MemoryStore(), Address("t/new", "a"), Address("t/old", "a")
    keys = [key_of(*new), key_of(*old)]
    entries = [
        encode((*address, at_ms, Kind.HANDLED, 0, [(at_ms, _packed(1), None, 0)]))
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
