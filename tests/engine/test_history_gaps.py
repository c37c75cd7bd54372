"""How many messages a gap in the history has, and what is recorded in spite of it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from statefun_actors import Address
from statefun_actors.asking import REPLY
from statefun_actors.history import Kind, Recorder, Step, gap_text, read_entries
from statefun_actors.store import MemoryStore, Message
from statefun_actors.types import pack
from tests.engine.recorded import E, commit, read_gaps, steps

A, B = Address("t/a", "1"), Address("t/b", "1")


def large(of: Iterable[Step]) -> list[Step]:
    """*of*, with messages of 8 kB; 524 of them are more than one epoch records."""
    value = pack("x" * 8_000)
    return [replace(step, messages=[replace(message, value=value) for message in step.messages]) for step in of]


async def shed(keep: int, of: list[Step]) -> MemoryStore:
    """A store with one epoch under load."""
    store = MemoryStore()
    recorder = Recorder(store, keep, lambda: 5)
    recorder.share = 1.0
    await commit(store, recorder, of, full=True)
    return store


def recorded(store: MemoryStore, address: Address) -> list[int]:
    """The numbers of the messages of *address*, newest first."""
    return [message.seq for _, entry in read_entries(store, [address]) for message in reversed(entry.messages)]


async def test_of_each_entity_only_as_many_messages_count_as_are_kept() -> None:
    store = await shed(100, [*steps(30, entity=A, at_ms=1), *steps(500, entity=B, at_ms=2)])

    assert [gap.count for gap in read_gaps(store)] == [130]


async def test_of_a_batch_of_many_messages_only_as_many_count_as_are_kept() -> None:
    batch = Step(A, 1, Kind.HANDLED, 0.0, [Message(seq, A, pack(seq)) for seq in range(7)])
    store = await shed(10, [batch, batch])

    assert [gap.count for gap in read_gaps(store)] == [10]


async def test_a_gap_begins_and_ends_with_messages_that_count() -> None:
    store = await shed(
        2, [*steps(3, entity=A, at_ms=1_000), *steps(2, entity=A, at_ms=2_000), *steps(1, entity=E, at_ms=3_000)]
    )

    assert [(gap.at_ms, gap.until_ms, gap.count) for gap in read_gaps(store)] == [(2_000, 3_000, 3)]


async def test_messages_of_the_functions_of_the_library_do_not_count() -> None:
    asks = steps(5, entity=Address(REPLY, "1"))

    assert [gap.count for gap in read_gaps(await shed(100, [*asks, *steps(2, entity=A)]))] == [2]
    store = MemoryStore()
    recorder = Recorder(store, 100, lambda: 5)
    recorder.share = 1.0
    assert recorder.seal(asks, (), full=True) is None


async def test_in_an_epoch_that_is_too_large_messages_that_are_not_kept_anyway_do_not_count() -> None:
    store = MemoryStore()
    older = large([*steps(300, entity=A), *steps(30, entity=B)])
    newer = large([*steps(400, entity=A, first=301), *steps(110, entity=B, first=31)])
    await commit(store, Recorder(store, 400, lambda: 5), [*older, *newer])

    assert recorded(store, A) == list(range(700, 300, -1))
    assert 110 < len(recorded(store, B)) < 140
    assert [gap.count for gap in read_gaps(store)] == [140 - len(recorded(store, B))]


async def test_in_an_epoch_that_is_too_large_changes_by_an_operator_are_recorded() -> None:
    store = MemoryStore()
    edited = Step(A, 1, Kind.EDITED, changes=[("n", pack(1), pack(2))])
    paused = Step(A, 1, Kind.PAUSED)
    await commit(store, Recorder(store, 1_000, lambda: 5), [edited, *steps(2, entity=A), paused, *large(steps(530))])

    kinds = [Kind(entry.kind) for _, entry in read_entries(store, [A])]
    assert kinds == [Kind.PAUSED, Kind.EDITED]
    assert [gap.count for gap in read_gaps(store)] == [2 + 530 - len(recorded(store, E))]


def test_a_gap_of_one_message_and_of_many_are_sentences() -> None:
    assert [gap_text(messages) for messages in (1, 2, 12_345)] == [
        "1 message, of any entity, was not recorded",
        "2 messages, of any entities, were not recorded",
        "12,345 messages, of any entities, were not recorded",
    ]
