"""Changes of a store with several partitions, with the numbers that its readers show."""

from __future__ import annotations

import asyncio
from pathlib import Path
from shutil import copyfile

import pytest

from statefun_actors import Address
from statefun_actors.admin import DeadLetterRetry, EngineState, PartlyChangedError, Posting, TimerKey, open_control
from statefun_actors.admin.control.engine_state import merged_state
from statefun_actors.engine import FailingEgress, NoDeadLetterError, NotFailingError, NoTimerError
from statefun_actors.model import TypedValue
from statefun_actors.partitions import Partition
from statefun_actors.store import (
    Commit,
    DeadLetterEntry,
    Message,
    NotPausedError,
    StoreError,
    StoreInUseError,
    open_one_of,
    open_reader,
    pauses_position,
    read_pauses,
)
from statefun_actors.store.partitioned import create_partitions, open_partition, read_layout
from tests.partitions.systems import id_in

TYPE = "bank/account"
HERE, THERE = Address(TYPE, id_in(0, TYPE)), Address(TYPE, id_in(1, TYPE))
VALUE = TypedValue("test/value", b"1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two partitions, each with two dead letters: 6 and 8 in the first, 7 and 9 in the second."""
    folder = tmp_path / "bank.db"
    layout = create_partitions(folder, 2)
    for number, target in enumerate((HERE, THERE)):
        store = open_partition(folder, Partition(number, 2), layout.system)
        letters = [DeadLetterEntry(seq, Message(seq - 2, target, VALUE), "E", "e", 1, 0) for seq in (3, 4)]
        asyncio.run(store.commit(Commit(dead_letters=letters, next_seq=5)))
        store.close()
    return folder


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another system, of three partitions."""
    create_partitions(tmp_path / "other.db", 3)
    return tmp_path / "other.db"


def waiting(folder: Path) -> list[Address]:
    reader = open_reader(folder)
    found = [message.target for message in reader.messages()]
    reader.close()
    return found


def letters(folder: Path) -> list[int]:
    reader = open_reader(folder)
    found = [entry.seq for entry in reader.dead_letters()]
    reader.close()
    return found


async def test_messages_go_to_the_partitions_of_their_targets(folder: Path) -> None:
    control = await open_control(folder)
    await control.send([Posting(HERE, VALUE), Posting(THERE, VALUE), Posting(HERE, VALUE)])
    await control.close()
    for number, target in enumerate((HERE, THERE)):
        store = open_one_of(folder, number, brief=True)
        assert {message.target for message in store.messages()} == {target}
        store.close()
    assert sorted(waiting(folder)) == sorted([HERE, HERE, THERE])


async def test_dead_letters_are_named_by_the_numbers_that_are_shown(folder: Path) -> None:
    control = await open_control(folder)
    assert letters(folder) == [6, 7, 8, 9]
    await control.retry([DeadLetterRetry(7), DeadLetterRetry(8)])
    assert letters(folder) == [6, 9]
    assert sorted(waiting(folder)) == sorted([HERE, THERE])
    with pytest.raises(NoDeadLetterError) as caught:
        await control.discard([6, 7])
    assert caught.value.seq == 7
    assert letters(folder) == [6, 9]
    await control.discard([6, 9])
    assert letters(folder) == []
    await control.close()


async def test_delayed_messages_are_named_by_the_numbers_that_are_shown(folder: Path) -> None:
    control = await open_control(folder)
    await control.send([Posting(HERE, VALUE, 80_000_000), Posting(THERE, VALUE, 90_000_000)])
    reader = open_reader(folder)
    first, second = reader.timers_after(0, 0, 9)
    assert [first.target, second.target] == [HERE, THERE]
    with pytest.raises(NoTimerError):
        await control.cancel_timers([TimerKey(first.due_ms, first.seq), TimerKey(second.due_ms, first.seq)])
    await control.fire_timers([TimerKey(second.due_ms, second.seq)])
    due = next(iter(reader.timers_after(0, 0, 9)))
    assert (due.target, due.due_ms < first.due_ms) == (THERE, True)
    await control.cancel_timers([TimerKey(first.due_ms, first.seq)])
    assert [timer.target for timer in reader.timers_after(0, 0, 9)] == [THERE]
    reader.close()
    await control.close()


async def test_a_function_type_is_paused_in_all_partitions(folder: Path) -> None:
    control = await open_control(folder)
    await control.pause([TYPE, THERE])
    for number, expected in enumerate(({TYPE}, {TYPE, THERE})):
        reader = open_reader(folder / str(number))
        assert set(read_pauses(reader.recover())) == expected
        reader.close()
    with pytest.raises(NotPausedError):
        await control.resume([TYPE, HERE])
    await control.resume([TYPE])
    reader = open_reader(folder)
    assert set(read_pauses(reader.recover())) == {THERE}
    reader.close()
    await control.close()


async def test_a_function_type_that_was_resumed_in_some_partitions_only_is_resumed_in_the_others(folder: Path) -> None:
    """As after a change that failed in the middle."""
    control = await open_control(folder)
    await control.pause([TYPE, THERE])
    await control.close()
    store = open_one_of(folder, 0, brief=True)
    await store.commit(Commit(positions=pauses_position({})))
    store.close()
    control = await open_control(folder)
    await control.resume([TYPE])
    reader = open_reader(folder)
    assert set(read_pauses(reader.recover())) == {THERE}
    reader.close()
    with pytest.raises(NotPausedError):
        await control.resume([TYPE])
    await control.close()


@pytest.mark.parametrize(
    ("waiting_in", "text"),
    [
        ([0], "changed in partition 0, but not in partitions 1, 2"),
        ([0, 1], "changed in partitions 0, 1, but not in partition 2"),
    ],
)
async def test_a_change_that_fails_in_the_middle_says_where_it_was_made(
    tmp_path: Path, waiting_in: list[int], text: str
) -> None:
    folder = tmp_path / "bank.db"
    await asyncio.to_thread(create_partitions, folder, 3)
    targets = [Address(TYPE, id_in(number, TYPE, 3)) for number in range(3)]
    control = await open_control(folder)
    await control.send([Posting(targets[number], VALUE) for number in waiting_in])
    with pytest.raises(PartlyChangedError) as caught:
        await control.drop_failing(targets)
    failure = str(NotFailingError(targets[len(waiting_in)], "it has no message")).removesuffix(".")
    assert str(caught.value) == (
        f"store {folder}: {text}: {failure}. Look at what is left with the listing command, and repeat the change for "
        "that only."
    )
    assert not caught.value.retryable
    assert waiting(folder) == []
    with pytest.raises(NotFailingError):
        await control.drop_failing(targets)
    await control.close()


async def test_nothing_is_changed_in_a_store_that_is_not_the_partition_of_its_name(folder: Path, other: Path) -> None:
    """Here, the file of another system was copied to it, with other partitions."""
    copyfile(other / "1", folder / "1")
    control = await open_control(folder)
    with pytest.raises(StoreError) as caught:
        await control.send([Posting(HERE, VALUE), Posting(THERE, VALUE)])
    assert str(caught.value) == (
        f"store {folder / '1'}: expected partition 1 of 2 of this folder, got "
        f'{{"system":"{read_layout(other).system}","partition":1,"of":3}}. Restore a backup of all partitions.'
    )
    await control.close()
    store = open_one_of(folder, 0, brief=True)
    assert list(store.messages()) == []
    store.close()


async def test_nothing_is_changed_if_a_partition_can_not_be_opened(folder: Path) -> None:
    held = open_one_of(folder, 1)
    control = await open_control(folder, patience=0.1)
    with pytest.raises(StoreInUseError):
        await control.send([Posting(HERE, VALUE), Posting(THERE, VALUE)])
    await control.close()
    held.close()
    assert waiting(folder) == []


async def test_the_state_of_partitions_is_that_of_all(folder: Path) -> None:
    control = await open_control(folder)
    await control.send([Posting(HERE, VALUE), Posting(THERE, VALUE), Posting(HERE, VALUE)])
    assert await control.state() == merged_state({0: EngineState(waiting=2), 1: EngineState(waiting=1)})
    assert (await control.state()).waiting == 3
    await control.close()


def test_what_is_wrong_in_one_partition_is_said_with_its_number() -> None:
    first = EngineState(
        handled=5, waiting=2, parked={"a/b": 1}, failing_egress={"a/out": FailingEgress("no disk", 3)}, version=1
    )
    second = EngineState(
        handled=7, parked={"a/b": 2}, failing_egress={"a/out": FailingEgress("no peer", 2)}, error="full", version=2
    )
    merged = merged_state({0: first, 1: second, 2: "does not run"})
    assert (merged.handled, merged.waiting, merged.parked) == (12, 2, {"a/b": 3})
    assert merged.failing_egress == {"a/out": FailingEgress("partition 0: no disk", 3)}
    assert merged.error == "partition 1: full; partition 2 does not run"
    assert merged.version != merged_state({0: first, 1: second, 2: EngineState()}).version
    assert merged.version == merged_state({0: first, 1: second, 2: "does not run"}).version
