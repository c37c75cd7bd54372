"""Egresses of ``run --partitions``: one partition writes what all of them send."""

from __future__ import annotations

import fcntl
import subprocess
import termios
from array import array
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import IO, Final

import pytest

from statefun_actors.model import TypedValue
from statefun_actors.partitions import partition_of_name, read_record, write_record
from statefun_actors.store import open_reader
from tests.partitions.cells import ADDED
from tests.partitions.running import APP, DEADLINE, Running, RunningInterpreters, wait_for
from tests.partitions.systems import id_in
from tests.partitions.test_kills import counts_in
from tests.partitions.test_run import samples

_PIPE: Final = 64 * 1024
"""The bytes that a pipe has when it is full."""
HERE, THERE = id_in(0, "test/cell"), id_in(1, "test/cell")


def delivered(running: Running) -> dict[str, float]:
    """By partition, the number of records of the egress that it has delivered."""
    return {
        sample.labels["partition"]: sample.value
        for sample in samples(running.request("GET", "/metrics").body.decode())
        if sample.name == "statefun_actors_egress_delivered_total" and sample.labels["egress"] == ADDED
    }


@pytest.mark.parametrize("headers", [None, {"traceparent": "00-1-2-01"}])
def test_a_record_is_the_same_in_another_partition(headers: dict[str, str] | None) -> None:
    value = TypedValue("test/type", b"\x00\xff")
    assert read_record(write_record(value, headers)) == (value, headers)


def test_the_partition_that_writes_an_egress_never_changes() -> None:
    names = [f"bank/egress-{number}" for number in range(6)]
    assert [partition_of_name(name, 4) for name in names] == [1, 3, 1, 2, 2, 1]


def test_one_file_has_the_records_of_all_partitions_each_once_and_in_the_order_of_its_entity(tmp_path: Path) -> None:
    file = tmp_path / "added.jsonl"
    with Running(tmp_path, 2) as running:  # without a target, records stay in the stores of their senders
        assert running.add(HERE, 1).status == running.add(THERE, 1).status == 200
        assert running.stop() == 0
    with Running(tmp_path, 2, "--egress", f"{ADDED}=added.jsonl", "--metrics") as running:
        for number in range(2, 5):
            assert running.add(HERE, number).status == running.add(THERE, number).status == 200
        wait_for(lambda: file.read_bytes().count(b"\n") == 8)
        assert counts_in(file) == {HERE: [1, 2, 3, 4], THERE: [1, 2, 3, 4]}
        # What the other partition hands over is counted once, by the one that writes it.
        wait_for(lambda: sum(delivered(running).values()) >= 8)
        assert delivered(running) == {str(partition_of_name(ADDED, 2)): 8.0}
        assert running.stop() == 0
        assert f"\nwritten from {ADDED} to added.jsonl " in running.logged()
    with Running(tmp_path, 2, "--egress", f"{ADDED}=added.jsonl") as running:
        assert running.add(THERE, 5).status == 200
        wait_for(lambda: file.read_bytes().count(b"\n") == 9)
        assert counts_in(file) == {HERE: [1, 2, 3, 4], THERE: [1, 2, 3, 4, 5]}


def test_all_partitions_end_when_standard_output_is_closed_and_keep_the_records(tmp_path: Path) -> None:
    with RunningInterpreters(tmp_path, 2, "--egress", f"{ADDED}=-", stdout=subprocess.PIPE) as running:
        assert running.add(HERE, 1).status == running.add(THERE, 1).status == 200
        lines = {running.stdout.readline() for _ in range(2)}
        assert lines == {b'{"type":"test/added","value":{"count":1,"id":"%b"}}\n' % id.encode() for id in (HERE, THERE)}
        running.stdout.close()
        assert running.add(HERE, 2).status == 200
        assert running.process.wait(DEADLINE) == 1
        assert (
            f"Error: the records of {ADDED} could not be written, and are kept: run again once their target is "
            "available.\n"
        ) in running.logged()


def test_lines_on_standard_output_are_whole_after_a_kill_in_the_middle_of_one(tmp_path: Path) -> None:
    """The pipe has a part of a line when the partition that writes is killed."""
    app = APP.replace("self.send_egress(ADDED, added)", 'self.send_egress(ADDED, f"{order.number}" * 300_000)')
    with (
        RunningInterpreters(tmp_path, 2, "--egress", f"{ADDED}=-", app=app, stdout=subprocess.PIPE) as running,
        ThreadPoolExecutor(1) as pool,
    ):
        stdout = running.stdout
        for number in (1, 2, 3):
            assert running.add(HERE, number).status == running.add(THERE, number + 3).status == 200
        wait_for(lambda: _readable(stdout) >= _PIPE)
        running.kill(running.pid_of(partition_of_name(ADDED, 2)))
        wait_for(lambda: len(running.children()) == 2)
        reading = pool.submit(stdout.read)
        wait_for(lambda: _kept(running.store) == 0)
        assert running.stop() == 0
        lines = reading.result(DEADLINE).splitlines(keepends=True)
        stdout.close()
    values = [b"%d" % number * 300_000 for number in range(1, 7)]
    assert set(lines) == {b'{"type":"io.statefun.types/string","value":"%b"}\n' % value for value in values}


def _readable(pipe: IO[bytes]) -> int:
    """The bytes in *pipe*."""
    found = array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, found)
    return found[0]


def _kept(store: Path) -> int:
    with closing(open_reader(store)) as reader:
        return reader.counts()["egress"]
