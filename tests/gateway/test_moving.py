"""``export --to-kafka``: a store of the embedded engine moves to a real Flink job, through a real broker."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from statefun_actors import Address, Runtime
from statefun_actors.client import Client
from statefun_actors.store import Commit, Message, StoreMovedError
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import pack
from tests.cli.commands import run
from tests.gateway.session import APP, GatewayJob, GatewayProcess
from tests.moving.house import SERVED, Furnish, House, Knock, Look, Plan

pytestmark = [pytest.mark.flink, pytest.mark.kafka]

COUNT = Address("moving/count", "c/1")
SECONDS = 120


def export(job: GatewayJob, store: Path) -> subprocess.CompletedProcess[str]:
    there = ("--module", str(job.module), "--to-kafka", job.broker.address, "--hold", "10", "--json")
    return run("export", str(APP), "--store", str(store), *there, folder=store.parent, deadline=SECONDS)


def exported(job: GatewayJob, store: Path) -> dict[str, object]:
    done = export(job, store)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def moved_in(store: Path, houses: int) -> tuple[dict[Address, str], str]:
    """A store with that many houses, of which the first three have more on its way; how they look, and a token."""
    every = [House.at(f"h/{number}") for number in range(houses)]
    with Runtime(*SERVED, store=store) as runtime:
        for number, house in enumerate(every):
            runtime.tell(house, Furnish(number))
        before = {house: runtime.ask(house, Look(), str) for house in every}
        runtime.tell(COUNT, 3)
        before[COUNT] = runtime.ask(COUNT, 0, str)
        runtime.tell(every[2], Knock("from outside"), after=timedelta(seconds=1))
        token = runtime.ask(every[1], Plan(1), str)
    file = SqliteStore(store)
    seq = file.recover().next_seq
    waiting = Message(seq, every[0], pack(Knock("waited")), House.at("next door"))
    asyncio.run(file.commit(Commit(messages=[waiting], next_seq=seq + 1)))
    file.close()
    return before, token


def eventually(client: Client, house: Address, *parts: str) -> str:
    """How *house* looks once that has all of *parts*."""
    until = time.monotonic() + SECONDS
    while not all(part in (seen := client.ask(house, Look(), str)) for part in parts):
        assert time.monotonic() < until, seen
    return seen


def test_a_store_moves_state_by_state_with_all_that_is_on_its_way(
    job: GatewayJob, first: GatewayProcess, tmp_path: Path
) -> None:
    before, token = moved_in(tmp_path / "app.db", 8)

    once, twice = exported(job, tmp_path / "app.db"), exported(job, tmp_path / "app.db")

    counts = {"entities": 9, "asks": 2, "schedules": 1, "delayed": 2, "waiting": 1, "renewed": 8, "not_moved": []}
    assert once == {"store": str(tmp_path / "app.db"), "to": job.broker.address, **counts}
    assert twice == once
    with pytest.raises(StoreMovedError), Runtime(*SERVED, store=tmp_path / "app.db"):
        pass
    with Client(first.url, timeout=SECONDS) as client:
        untouched = [address for address in before if address.id not in {"h/0", "h/1", "h/2"}]
        look = {COUNT: 0}
        after = {address: client.ask(address, look.get(address, Look()), str) for address in untouched}
        assert after == {address: before[address] for address in untouched}
        visits = [f"'{each} of moving/house'" for each in ("waited", "later")]
        assert eventually(client, House.at("h/0"), visits[0]) == before[House.at("h/0")].replace(
            "['0']", f"['0', {visits[0]}]"
        )
        eventually(client, House.at("h/2"), "['2', 'from outside of None']")
        busy = House.at("h/1")
        eventually(client, busy, visits[1], "'asked: timeout'", "'each second of statefun-actors/schedule'")
        client.answer(token, "yes")
        seen = eventually(client, busy, "'opened: yes'", *["'each second of statefun-actors/schedule'"])
        client.tell(busy, Knock("stop"))
        assert seen.count(visits[1]) == 1
        assert seen.count("'asked: timeout'") == 1


def test_what_the_job_or_kafka_refuses_is_named_and_nothing_follows(
    job: GatewayJob, first: GatewayProcess, tmp_path: Path
) -> None:
    has_state, too_large = House.at("r/1"), House.at("r/3")
    with Runtime(*SERVED, store=tmp_path / "app.db") as runtime:
        runtime.tell(has_state, Furnish(1))
        runtime.tell(too_large, Knock("x" * 1_100_000))
        runtime.tell(House.at("r/2"), Knock("later"), after=timedelta(days=1))
    with Client(first.url, timeout=SECONDS) as client:
        client.tell(has_state, Furnish(2))
        before = eventually(client, has_state, "'visits': ['2']")

        done = export(job, tmp_path / "app.db")

        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.splitlines() == [
            "moving/house/r/1 was not restored: it has state already: lit, floors, height, title, picture, rooms, "
            "prices, corner, tags, built, sold, age, number, colour, owner, device, clock, visits. Nothing was "
            "overwritten. Restore into a job that has not handled messages of this entity.",
            "moving/house/r/3 was not restored: Kafka refuses it: topic shared.gateway: Broker: Message size too large",
            "Error: 2 entities were refused, so nothing that is delayed or waits was moved. Mend what is said above, "
            "then run the command again within a day: what has arrived counts once.",
        ]
        assert client.ask(has_state, Look(), str) == before


@pytest.mark.slow
def test_ten_thousand_entities_move_state_by_state(job: GatewayJob, first: GatewayProcess, tmp_path: Path) -> None:
    houses = [House.at(f"many/{number}") for number in range(10_000)]
    with Runtime(*SERVED, store=tmp_path / "app.db") as runtime, ThreadPoolExecutor(64) as pool:
        told = [*pool.map(runtime.tell, houses, map(Furnish, range(len(houses))))]
        before = [*pool.map(lambda house: runtime.ask(house, Look(), str), houses)]

    begin = time.monotonic()
    moved = exported(job, tmp_path / "app.db")
    print(f"{len(houses):,} entities in {time.monotonic() - begin:.1f} s")

    assert moved["entities"] == len(told)
    with Client(first.url, timeout=SECONDS) as client, ThreadPoolExecutor(64) as pool:
        after = [*pool.map(lambda house: client.ask(house, Look(), str), houses)]
    assert after == before
