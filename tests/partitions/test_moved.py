"""``export | import --partitions``: a store gets another number of partitions, and loses nothing."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from pathlib import Path

import pytest

from statefun_actors import Address
from statefun_actors.admin import read_entities
from statefun_actors.ingress import IngressMessage, Replied, Wait
from statefun_actors.model import INGRESS
from statefun_actors.partitions import egress_link, link, partition_of, partition_of_name
from statefun_actors.store import (
    FORMER_CALLERS,
    PARTITION,
    Commit,
    DeadLetterEntry,
    EgressRecord,
    EntityRecord,
    EntityRow,
    KeyedRequest,
    MemoryStore,
    Message,
    PauseTarget,
    RequestState,
    StoreError,
    Timer,
    count_partitions,
    open_one_of,
    open_reader,
    pauses_position,
    read_pauses,
)
from statefun_actors.store import (
    pack as pack_state,
)
from statefun_actors.store.partitioned import Layout, PartitionsWriter, create_partitions, stopped
from statefun_actors.types import pack
from tests.cli.commands import run, summary
from tests.partitions.cells import ADDED, Cell
from tests.partitions.running import APP, DEADLINE, Running
from tests.partitions.systems import id_in, system
from tests.partitions.test_links import CELL, PassOn
from tests.partitions.test_links import Cell as LinkCell

LONG = 2 * DEADLINE
IDS = [str(number) for number in range(8)]


def text(folder: Path) -> str:
    return json.dumps({name: [cell.numbers, cell.passed] for name, cell in read_entities(folder, Cell)}, sort_keys=True)


def test_a_store_gets_another_number_of_partitions_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    lines = [
        {"to": f"test/cell/{id}", "type": "test/add", "value": {"number": number, "to": IDS[-1 - int(id)]}}
        for number in range(3)
        for id in IDS
    ]
    (tmp_path / "in.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    two, three, one = (tmp_path / name for name in ("two.db", "three.db", "one.db"))
    batch = ("app.py", "--input", "in.jsonl", "--until-idle")
    summary(*batch, "--partitions", "2", "--store", "two.db", folder=tmp_path, deadline=LONG)

    done = run("export", "app.py", "--store", "two.db", "-o", "moved.jsonl", folder=tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        "Error: store two.db: its partitions have positions in in.jsonl, which another number of partitions can't use. "
        "Add --without-inputs to leave them out: a run with these inputs then reads them from the start.\n",
    )
    export = ("export", "app.py", "--store", "two.db", "-o", "moved.jsonl", "--without-inputs")
    done = run(*export, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    header = json.loads((tmp_path / "moved.jsonl").read_text().partition("\n")[0])
    reader = open_reader(two)
    assert header["next_seq"] == 2 * reader.recover().next_seq
    least = reader.recover().next_seq  # twice the greatest number of a partition
    reader.close()
    records = [json.loads(line) for line in (tmp_path / "moved.jsonl").read_text().splitlines()]
    assert all(record["seq"] >= least for record in records if record["kind"] == "egress")
    done = run("import", "app.py", "moved.jsonl", "--store", "three.db", "--partitions", "3", folder=tmp_path)
    assert (done.returncode, done.stdout) == (
        0, "Imported moved.jsonl into three.db: 8 entities, 24 egress.\n",
    ), done.stderr  # fmt: skip
    assert count_partitions(three) == 3
    assert text(three) == text(two)
    for number in range(3):
        store = open_one_of(three, number)
        try:
            assert all(partition_of(row.address, 3) == number for row in store.entities("test/cell"))
            assert bool(store.egress_counts()) == (number == partition_of_name(ADDED, 3))
        finally:
            store.close()
    done = run("import", "app.py", "moved.jsonl", "--store", "one.db", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert text(one) == text(two)

    more = [{"to": f"test/cell/{id}", "type": "test/add", "value": {"number": 3}} for id in IDS]
    (tmp_path / "in.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in more))
    run_on = (*batch, "--partitions", "3", "--store", "three.db", "--egress", f"{ADDED}=added.jsonl")
    reported = summary(*run_on, folder=tmp_path, deadline=LONG)
    assert (reported["lines"], reported["egress_kept"]) == ({"this_run": 8, "in_all": 8}, 0)
    assert {id: cell.numbers for id, cell in read_entities(three, Cell)} == {id: [0, 1, 2, 3] for id in IDS}
    counts: dict[str, list[int]] = {}
    for line in (tmp_path / "added.jsonl").read_text().splitlines():
        added = json.loads(line)["value"]
        counts.setdefault(added["id"], []).append(added["count"])
    assert counts == {id: [1, 2, 3, 4] for id in IDS}

    done = run("import", "app.py", "moved.jsonl", "--store", "three.db", "--partitions", "2", folder=tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        "Error: store three.db: it exists already, and an import with --partitions creates a store. Nothing was "
        "imported. Choose another store, or remove it.\n",
    )


def test_what_is_on_the_way_or_in_use_is_not_exported(tmp_path: Path) -> None:
    with Running(tmp_path, 2) as running:
        assert running.add(id_in(0, "test/cell"), 1).status == 200
        done = run("export", "--store", "bank.db", folder=tmp_path)
        assert done.returncode == 1
        assert "it is in use by process" in done.stderr
        assert running.stop() == 0
    store = open_one_of(tmp_path / "bank.db", 0)
    try:
        seq = store.recover().next_seq
        record = EgressRecord(seq, link(1), pack("a message"))
        asyncio.run(store.commit(Commit(egress=[record], next_seq=seq + 1)))
    finally:
        store.close()
    done = run("export", "--store", "bank.db", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "Error: store bank.db: 1 message or egress record is on the way between its partitions. Let them arrive: "
        "run it with --partitions 2 --until-idle --bind none.\n",
    )


@pytest.mark.parametrize(
    ("seqs", "kept_by_writer", "exported"), [([6, 7], 0, True), ([5, 6], 0, False), ([6, 7], 1, False)]
)
def test_records_that_wait_for_a_target_are_exported_unless_their_writer_has_some(
    tmp_path: Path, seqs: list[int], kept_by_writer: int, exported: bool
) -> None:
    folder, writer = tmp_path / "bank.db", partition_of_name(ADDED, 2)
    create_partitions(folder, 2)
    commits = {
        writer: Commit(
            positions={f"source:{egress_link(1 - writer, ADDED)}": "5"},
            egress=[EgressRecord(1, ADDED, pack(0))] * kept_by_writer,
            next_seq=2,
        ),
        1 - writer: Commit(egress=[EgressRecord(seq, ADDED, pack(seq)) for seq in seqs], next_seq=8),
    }
    for number, commit in commits.items():
        with closing(open_one_of(folder, number)) as store:
            asyncio.run(store.commit(commit))
    if exported:
        with stopped(folder, with_inputs=False) as reader:
            assert reader.egress_counts() == {ADDED: 2}
        return
    with pytest.raises(StoreError) as refused, stopped(folder, with_inputs=False):
        pass
    assert str(refused.value) == (
        f"store {folder}: 2 messages or egress records are on the way between its partitions. Let them arrive: run it "
        f"with --partitions 2 --until-idle --bind none, and a target for {ADDED} (--egress, --module or "
        "--skip-bad-lines)."
    )


HERE, THERE = id_in(0, CELL), id_in(1, CELL)
LAYOUT = Layout(partitions=2, system="test")


async def test_each_row_is_in_the_partition_of_its_address() -> None:
    stores = [MemoryStore(), MemoryStore()]
    addresses = [Address(CELL, id) for id in (HERE, THERE)]
    value, state = pack(1), pack_state(EntityRecord({"seen": pack(1)}, {}, 0))
    writer = PartitionsWriter(LAYOUT, stores)
    pauses: dict[PauseTarget, int] = {addresses[0]: 1, addresses[1]: 2, "a/b": 3}
    await writer.commit(
        Commit(
            entities=[EntityRow(address, state) for address in addresses],
            messages=[Message(1, addresses[0], value), Message(2, addresses[1], value)],
            timers=[
                Timer(3, 9, addresses[0], value, addresses[1], "cancelled by its sender"),
                Timer(4, 9, addresses[1], value, Address(INGRESS, "0/2")),
            ],
            dead_letters=[DeadLetterEntry(5, Message(1, addresses[1], value), "E", "e", 1, 1)],
            egress=[EgressRecord(6, ADDED, value)],
            positions={f"sink:{ADDED}": "x", "shape:a/b": "s", **pauses_position(pauses)},
            next_seq=7,
        )
    )
    await writer.end()
    assert writer.counts() == {"messages": 2, "timers": 2, "egress": 1, "dead_letters": 1, CELL: 2}
    for number, store in enumerate(stores):
        found, positions = store.recover(), dict(store.recover().positions)
        assert found.next_seq == 7
        assert [row.address for row in store.entities(CELL)] == [addresses[number]]
        assert [message.target for message in store.messages()] == [addresses[number]]
        assert [timer.seq for timer in store.timers_after(0, 0, 9)] == ([] if number == 0 else [3, 4])
        assert read_pauses(found) == {addresses[number]: number + 1, "a/b": 3}
        assert (f"sink:{ADDED}" in positions) == (number == partition_of_name(ADDED, 2)) == bool(store.egress_counts())
        assert (positions[PARTITION], positions["shape:a/b"]) == (LAYOUT.mark(number), "s")


async def test_a_position_in_an_input_is_refused() -> None:
    writer = PartitionsWriter(LAYOUT, [MemoryStore(), MemoryStore()])
    with pytest.raises(ValueError, match="can't be used") as refused:
        await writer.commit(Commit(positions={"source:in.jsonl": "{}"}))
    assert str(refused.value) == (
        "the position 'source:in.jsonl' can't be used by several partitions; export with --without-inputs: a run with "
        "this input then reads it from the start"
    )


async def test_a_caller_with_a_key_gets_its_answer_after_the_number_of_partitions_was_changed(tmp_path: Path) -> None:
    """Its id names a partition where it does not wait any longer."""
    asked = IngressMessage(LinkCell.at(THERE), pack(PassOn([], 1)), key="k", wait=Wait.REPLY, digest="d")
    stores = [MemoryStore(), MemoryStore()]
    writer = PartitionsWriter(LAYOUT, stores)
    row = KeyedRequest(asked.target, "k", "d", 2**52, "0/3", RequestState.PENDING_REPLY)
    reply = pack(json.dumps([INGRESS, "0/3"]).encode())  # the order to reply to that caller
    await writer.commit(Commit(requests=[row], messages=[Message(4, Address(CELL, HERE), reply)], next_seq=5))
    await writer.end()
    assert [store.recover().positions[FORMER_CALLERS] for store in stores] == ['{"0/3":1}'] * 2
    async with system(tmp_path, LinkCell, stores=stores) as both:
        assert await both.take(asked) == Replied(pack("from elsewhere"))
