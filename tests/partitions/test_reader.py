"""All partitions read as one store."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path

import pytest

from statefun_actors import Address
from statefun_actors.model import TypedValue
from statefun_actors.partitions import Partition, partition_of
from statefun_actors.store import (
    Commit,
    DeadLetterEntry,
    EgressRecord,
    EntityRow,
    HistoryRow,
    Kept,
    KeyedRequest,
    Message,
    RequestState,
    Timer,
    pauses_position,
    read_pauses,
)
from statefun_actors.store.partitioned import PartitionsReader, create_partitions, open_partition, read_layout
from tests.partitions.systems import id_in

COUNT = 3
TYPE = "bank/account"
VALUE = TypedValue("test/value", b"1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each partition has a bit of everything, under numbers that begin at 1 in each."""
    folder = tmp_path_factory.mktemp("partitions") / "bank.db"
    create_partitions(folder, COUNT)
    for number in range(COUNT):
        store = open_partition(folder, Partition(number, COUNT), read_layout(folder).system)
        here = Address(TYPE, id_in(number, TYPE, COUNT))
        commit = Commit(
            entities=[EntityRow(here, b"packed", None)],
            messages=[Message(1, here, VALUE), Message(2, here, VALUE)],
            timers=[Timer(3, 100 - number, here, VALUE, here, "token"), Timer(4, 200, here, VALUE)],
            egress=[EgressRecord(5, "bank/out", VALUE)],
            dead_letters=[DeadLetterEntry(6, Message(0, here, VALUE), "E", "e", 1, 0)],
            requests=[KeyedRequest(here, "key", "digest", number, f"{number}/7", RequestState.PENDING)],
            positions={"shape:x": "{}", f"only:{number}": "1", **pauses_position({here: number})},
            history=[HistoryRow(1, f"k{number} all", b"1"), HistoryRow(2, "all", b"22")],
            next_seq=10 + number,
        )
        asyncio.run(store.commit(commit))
        store.close()
    return folder


@pytest.fixture
def reader(folder: Path) -> Generator[PartitionsReader]:
    reader = PartitionsReader(folder)
    with reader.snapshot():
        yield reader
    reader.close()


IDS = [id_in(number, TYPE, COUNT) for number in range(COUNT)]


def test_numbers_are_unique(reader: PartitionsReader) -> None:
    assert [message.seq for message in reader.messages()] == [3, 4, 5, 6, 7, 8]
    assert [partition_of(message.target, COUNT) for message in reader.messages()] == [0, 1, 2, 0, 1, 2]
    assert [entry.seq for entry in reader.dead_letters()] == [18, 19, 20]
    assert [entry.seq for entry in reader.dead_letters(18)] == [19, 20]
    assert [entry.seq for entry in reader.dead_letters(19)] == [20]
    assert [record.seq for record in reader.egress_after(0, 9)] == [15, 16, 17]
    assert [record.seq for record in reader.egress_after(15, 1)] == [16]
    assert [record.seq for record in reader.egress_after(0, 9, iter(["bank/out"]))] == [15, 16, 17]
    assert reader.egress_after(0, 9, ["other"]) == []


def test_a_dead_letter_is_found_by_its_number(reader: PartitionsReader) -> None:
    for number, seq in enumerate((18, 19, 20)):
        entry = reader.dead_letter(seq)
        assert entry is not None
        assert (entry.seq, entry.message.target.id) == (seq, IDS[number])
    assert reader.dead_letter(21) is None
    assert reader.dead_letter(-1) is None


def test_delayed_messages_are_in_order(reader: PartitionsReader) -> None:
    found = reader.timers_after(-1, -1, 99)
    assert [(timer.due_ms, timer.seq) for timer in found] == [
        (98, 11),
        (99, 10),
        (100, 9),
        (200, 12),
        (200, 13),
        (200, 14),
    ]
    for index, timer in enumerate(found):
        assert reader.timers_after(timer.due_ms, timer.seq, 99) == found[index + 1 :]
        assert reader.timers_after(timer.due_ms, timer.seq - 1, 1) == [timer]


def test_what_belongs_to_an_address_is_found(reader: PartitionsReader) -> None:
    for number, id in enumerate(IDS):
        address = Address(TYPE, id)
        assert [message.seq for message in reader.messages_to(address, 0, 9)] == [3 + number, 6 + number]
        assert [message.seq for message in reader.messages_to(address, 3 + number, 9)] == [6 + number]
        timer = reader.pending_timer(address, "token")
        assert timer is not None
        assert timer.seq == 9 + number
        request = reader.request(address, "key")
        assert request is not None
        assert request.request == f"{number}/7"
    assert reader.load([Address(TYPE, id) for id in IDS]) == [b"packed"] * COUNT
    assert reader.pending_timer(Address(TYPE, "nobody"), "token") is None


def test_the_history_is_in_order_newest_first(reader: PartitionsReader) -> None:
    assert [row.seq for row in reader.history("all", 2**63 - 1, 99)] == [8, 7, 6, 5, 4, 3]
    assert [row.seq for row in reader.history("all", 7, 3)] == [6, 5, 4]
    assert reader.history("k2", 2**63 - 1, 99) == [HistoryRow(5, "k2 all", b"1", partition=2, partitions=COUNT)]
    assert reader.history("k2", 5, 99) == []
    assert [seq for seq, _ in reader.history_sizes()] == [3, 4, 5, 6, 7, 8]


def test_entities_are_in_the_order_of_their_ids(reader: PartitionsReader) -> None:
    assert [row.address.id for row in reader.entities(TYPE)] == sorted(IDS)
    assert [row.address.id for row in reader.entities(TYPE, after=min(IDS))] == sorted(IDS)[1:]
    assert reader.types() == [TYPE]


def test_requests_are_in_order(reader: PartitionsReader) -> None:
    assert [request.target.id for request in reader.requests()] == sorted(IDS)
    assert [request.target.id for request in reader.requests(pending=True)] == sorted(IDS)
    assert [request.time_ms for request in reader.requests_before(1, 9)] == [0, 1]


def test_counts_are_sums(reader: PartitionsReader) -> None:
    assert reader.counts() == {"messages": 6, "timers": 6, "egress": 3, "dead_letters": 3, TYPE: 3}
    assert reader.egress_counts() == {"bank/out": 3}
    assert reader.kept_for(TYPE) == Kept(3, 6, 6, 3)
    assert reader.stored_twice(TYPE, "bank/former") is None


def test_what_is_paused_in_any_partition_is_shown(reader: PartitionsReader) -> None:
    recovered = reader.recover()
    assert read_pauses(recovered) == {Address(TYPE, id): number for number, id in enumerate(IDS)}
    assert set(recovered.positions) == {"shape:x", "paused"}


def test_a_fault_names_its_partition(reader: PartitionsReader) -> None:
    assert not reader.is_older
    assert all(fault.startswith("partition ") for fault in reader.check())
