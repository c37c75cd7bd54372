"""``backup`` of a store with several partitions: the copies fit together, also those of a live run."""

from __future__ import annotations

import asyncio
import json
import random
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, closing
from pathlib import Path

import pytest

from statefun_actors.admin import read_entities
from statefun_actors.ingress import NotTaken
from statefun_actors.partitions import is_between_partitions
from statefun_actors.store import Store, open_one_of, open_reader
from statefun_actors.store.partitioned import create_partitions
from statefun_actors.store.sqlite.connecting import connect_to_write
from statefun_actors.types import pack
from tests.cli.commands import run
from tests.partitions.cells import Add, Cell
from tests.partitions.copies import back_up
from tests.partitions.passing import CELLS, check_passed, receiver
from tests.partitions.running import DEADLINE, Running
from tests.partitions.systems import system
from tests.partitions.test_links import until

LONG = 2 * DEADLINE
CLIENTS = 3
KEPT = re.compile(r"bank\.before-restore-\d{8}T\d{6}Z\.db")


async def go_on(store: Path, sockets: Path) -> dict[str, int]:
    """Run the partitions in *store* in this process: each cell gets one more number. How many they have then."""
    before = {id: len(cell.numbers) for id, cell in read_entities(store, Cell)}
    sent = {id: before.get(id, 0) + 1 for id in CELLS}
    async with AsyncExitStack() as opened:
        stores = [opened.enter_context(closing(open_one_of(store, number))) for number in range(2)]
        members = await opened.enter_async_context(system(sockets, Cell, stores=stores))
        for id in CELLS:
            number = sent[id] - 1
            answer = await members.ask(Cell.at(id), pack(Add(number, receiver(id, number))))
            assert not isinstance(answer, NotTaken)
        await until(lambda: not any(map(_has_to_do, stores)))
    return sent


def _has_to_do(store: Store) -> bool:
    return store.counts()["messages"] > 0 or any(map(is_between_partitions, store.egress_counts()))


def check_live(folder: Path, backups: int) -> None:
    """Make *backups* while cells pass numbers on to each other. Each of them goes on, and so does a restored one."""
    sent, over = dict.fromkeys(CELLS, 0), threading.Event()

    def client(own: list[str], seed: int) -> None:
        chance = random.Random(seed)
        while not over.is_set():
            id = chance.choice(own)
            running.add_surely(id, sent[id], receiver(id, sent[id]))
            sent[id] += 1

    made = [folder / f"backup-{number}" for number in range(backups)]
    restore = ("restore", "--store", "bank.db", "backup-0", "--yes")
    with Running(folder, 2) as running, ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client, CELLS[number::CLIENTS], number) for number in range(CLIENTS)]
        try:
            for number, target in enumerate(made):
                while sum(sent.values()) < 30 * (number + 1):
                    assert not any(each.done() for each in clients)
                    over.wait(0.01)
                done = run("backup", "--store", "bank.db", target.name, "--json", folder=folder)
                size = sum((target / name).stat().st_size for name in "01")
                assert json.loads(done.stdout) == {"store": "bank.db", "file": target.name, "bytes": size}
            refused = run(*restore, folder=folder)
        finally:
            over.set()
        for each in clients:
            each.result(LONG)
    in_use = r"Error: store bank\.db/0: it is in use by process \d+ since \S+Z\. Stop it first\.\n"
    assert re.fullmatch(in_use, refused.stderr)
    done = run(*restore, folder=folder)  # the run was killed
    assert done.returncode == 0, done.stderr
    [kept] = folder.glob("*before-restore*")
    assert KEPT.fullmatch(kept.name)
    assert done.stdout.splitlines() == [
        f"Restored bank.db from backup-0: {sum((folder / 'bank.db' / name).stat().st_size for name in '01'):,} bytes.",
        f"The old store is kept as {kept}; delete it when you don't need it.",
    ]
    numbers = []
    for store in (*made, running.store, kept):
        found = asyncio.run(go_on(store, folder))
        assert check_passed(store, found) > 0
        numbers.append(sum(found.values()))
    *of_backups, of_restored, of_kept = numbers
    assert sorted(set(of_backups)) == of_backups
    assert of_restored == of_backups[0]
    assert of_kept == sum(sent.values()) + len(CELLS)


def test_copies_of_a_live_run_fit_together(tmp_path: Path) -> None:
    check_live(tmp_path, 3)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_a_hundred_copies_of_a_live_run_fit_together(tmp_path: Path) -> None:
    check_live(tmp_path, 100)


def test_copies_are_of_one_moment(tmp_path: Path) -> None:
    """A writer counts in the first partition, then in the second: so the first is never behind, and never two ahead."""
    bank, over = tmp_path / "bank.db", threading.Event()
    create_partitions(bank, 2)

    def count() -> int:
        number = 0
        with ExitStack() as opened:
            both = [opened.enter_context(closing(connect_to_write(bank / name))) for name in "01"]
            while not over.is_set():
                number += 1
                for db in both:
                    db.execute("PRAGMA synchronous = OFF")
                    db.execute("INSERT OR REPLACE INTO position VALUES ('number', ?)", (number,))
        return number

    found: list[tuple[int, int]] = []
    with ThreadPoolExecutor(1) as pool:
        counted = pool.submit(count)
        try:
            while len({first for first, _ in found}) < 25:
                back_up(bank, tmp_path / "copy", overwrite=True)
                found.append((number_in(tmp_path / "copy" / "0"), number_in(tmp_path / "copy" / "1")))
                assert not counted.done()
        finally:
            over.set()
    assert counted.result() > 25
    assert {first - second for first, second in found} <= {0, 1}


def number_in(partition: Path) -> int:
    with closing(open_reader(partition)) as reader:
        return int(reader.recover().positions.get("number", "0"))
