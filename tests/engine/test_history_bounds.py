"""The history of entities is bounded, and is left out under load."""

from __future__ import annotations

import logging

import pytest
from msgspec.structs import replace

from statefun_actors import Address, Entity, handles, persisted
from statefun_actors.history import Kind, Recorder, Step, without_large
from statefun_actors.history.entries import entries_of, row_of
from statefun_actors.history.step import packed_step
from statefun_actors.model import Cancel, Effect, Egress, Send, SendAfter
from statefun_actors.store import MemoryStore, Message
from statefun_actors.types import pack
from tests.engine.engines import running, send
from tests.engine.recorded import commit, read_gaps, steps
from tests.engine.remembered import ON, A, First, Second, of, packed


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


async def test_a_batch_that_is_too_large_is_not_recorded_and_a_gap_says_so() -> None:
    store, address = MemoryStore(largest_row=6_000_000), Large.at("a")
    async with running(Large, store=store, options=ON) as engine:
        send(engine, address, pack("x" * 8_000))
        await engine.settled()
        send(engine, address, pack(3))
        await engine.settled()

        assert [message.value for entry in of(store, address) for message in entry.messages] == [packed(3)]
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
