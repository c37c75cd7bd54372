"""Partitions are killed at moments of chance while messages cross; then everything is counted, egress records too."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from statefun_actors.store import open_reader
from tests.partitions.cells import ADDED
from tests.partitions.passing import CELLS, check_passed, receiver
from tests.partitions.running import DEADLINE, Running, RunningInterpreters, wait_for

CLIENTS = 4


def check(folder: Path, partitions: int, kills: int, every: float, kind: type[Running] = Running) -> int:
    """Kill partitions *kills* times while clients send; then nothing is lost, doubled or out of order.

    Each other kill waits until all partitions are ready; those between come in the middle of starts, too.

    Returns:
        The number of kills while a partition had not opened its store.
    """
    began, early = time.monotonic(), 0
    chance = random.Random(kills)
    sent: dict[str, int] = dict.fromkeys(CELLS, 0)
    over = threading.Event()

    def client(own: list[str], seed: int) -> None:
        chance = random.Random(seed)
        while not over.is_set():
            id = chance.choice(own)
            running.add_surely(id, sent[id], receiver(id, sent[id]))
            sent[id] += 1

    file = folder / "added.jsonl"
    with kind(folder, partitions, "--egress", f"{ADDED}={file}") as running, ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client, CELLS[number::CLIENTS], number) for number in range(CLIENTS)]
        try:
            for number in range(kills):
                if number % 2:
                    wait_for(lambda: _ready(running))
                for each in clients:
                    if each.done():
                        each.result()  # it raises: a client got no answer
                over.wait(every * chance.random())
                early += any(running.is_starting(pid) for pid in running.children())
                running.kill(chance.choice(running.children()))
                wait_for(lambda: len(running.children()) == partitions)
        finally:
            over.set()
        for each in clients:
            each.result(2 * DEADLINE)
        for id in CELLS:
            running.add_surely(id, sent[id], id)
            sent[id] += 1
        wait_for(lambda: _handed_over(running.store))
        assert running.stop() == 0
    crossing = check_passed(running.store, sent, last_to_itself=True)
    assert counts_in(file) == {id: list(range(1, sent[id] + 1)) for id in CELLS}
    print(
        f"{kills} kills of {partitions} partitions, {early} of them in the middle of starts, in "
        f"{time.monotonic() - began:.0f} s: {sum(sent.values()):,} messages from clients and {crossing:,} between "
        "partitions, each handled once and in order"
    )
    return early


def counts_in(file: Path) -> dict[str, list[int]]:
    """The counts in the records of :data:`ADDED`, by cell, in the order of *file*."""
    found: dict[str, list[int]] = defaultdict(list)
    for line in file.read_bytes().splitlines():
        record = json.loads(line)["value"]
        found[record["id"]].append(record["count"])
    return found


def _ready(running: Running) -> bool:
    try:
        return running.request("GET", "/readyz", timeout=1).status == 200
    except (OSError, http.client.HTTPException):
        return False


def _handed_over(store: Path) -> bool:
    reader = open_reader(store)
    try:
        counts = reader.counts()
    finally:
        reader.close()
    return counts["egress"] == 0 and counts["messages"] == 0


def test_killed_partitions_lose_and_double_nothing(tmp_path: Path) -> None:
    check(tmp_path, 2, kills=4, every=1.0)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_a_hundred_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    assert check(tmp_path, 3, kills=100, every=1.0, kind=RunningInterpreters) > 0
