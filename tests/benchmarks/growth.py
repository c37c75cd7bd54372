"""The cost of many entities: ``python -m tests.benchmarks.growth [--full]``.

The same 1,000 hot entities get the same messages in a store that holds nothing else, and in one with 100,000 entities
(--full: a million) among which they lie scattered. Each run is a process of its own, the stores take turns, and medians
are compared. Shown beside their targets: throughput of the large store to that of the small one, and what it were, did
hot entities not move together (store/sqlite/gathering.py); the most memory that the large one takes, also when every
entity has been in use; and how long a start takes, from nothing imported to the first message handled and stored, to
importing the package and opening the store.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.benchmarks.figures import Figure, parser_of, report

TYPE: Final = "bench/counter"
HOT: Final = 1_000
LEAST_THROUGHPUT, MOST_MB, MOST_START = 0.9, 150.0, 1.5


def id_of(number: int) -> str:
    return f"{number:08}"


def hot_ones(population: int) -> list[int]:
    return random.Random(1).sample(range(population), HOT)


async def fill(path: Path, population: int) -> None:
    """A store with this number of entities, as the engine writes them."""
    from statefun_actors.address import Address
    from statefun_actors.model import TypedValue
    from statefun_actors.store import Commit, EntityRecord, EntityRow
    from statefun_actors.store.entity_record import pack
    from statefun_actors.store.sqlite import SqliteStore
    from statefun_actors.types import codec_for

    codec = codec_for(int)
    packed = pack(EntityRecord({"total": TypedValue(codec.typename, codec.encode(1))}, {}, 1_700_000_000_000))
    store = SqliteStore(path)
    for start in range(0, population, 5_000):
        numbers = range(start, min(start + 5_000, population))
        rows = [EntityRow(Address(TYPE, id_of(number)), packed) for number in numbers]
        await store.commit(Commit(entities=rows))
    store.close()


async def work(path: Path, targets: Sequence[int], messages: int) -> tuple[float, float]:
    """Messages per second, by the clock and of processor time."""
    from statefun_actors import Entity, handles, persisted
    from statefun_actors.address import Address
    from statefun_actors.dispatch import Application
    from statefun_actors.engine import Engine, Inbox, SystemClock
    from statefun_actors.store.sqlite import SqliteStore
    from statefun_actors.types import pack as packed

    class Counter(Entity, typename=TYPE):
        total: int = persisted(default=0)

        @handles
        def add(self, amount: int) -> None:
            self.total += amount

    rng = random.Random(2)

    class Feed:
        exhausted = False
        left = messages

        def resume(self, position: str | None) -> None:
            pass

        def read(self, most: int, inbox: Inbox) -> str | None:
            count = min(most, self.left)
            for _ in range(count):
                inbox.submit(Address(TYPE, id_of(rng.choice(targets))), packed(rng.randrange(1_000)))
            self.left -= count
            self.exhausted = not self.left
            return str(self.left)

    store = SqliteStore(path)
    engine = Engine(Application(Counter), store, SystemClock(), sources={"feed": Feed()})
    started, busy = time.perf_counter(), time.process_time()
    running = asyncio.create_task(engine.run())
    await engine.idle()
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    await engine.stop()
    await running
    store.close()
    return messages / seconds, messages / busy


def child(path: Path, task: str, population: int, messages: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.growth", "--child", task, str(path)]
    done = subprocess.run(
        [*command, "--population", str(population), "--messages", str(messages)],
        check=True,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def in_child(task: str, path: Path, population: int, messages: int) -> dict[str, float]:
    started = time.perf_counter()
    found: dict[str, float] = {}
    match task:
        case "open":
            from statefun_actors.store.sqlite import SqliteStore

            SqliteStore(path).close()
        case "start":
            asyncio.run(work(path, [0], 1))
        case "hot" | "scattered":
            if task == "scattered":
                from statefun_actors.store.sqlite.gathering import Gathering, Plan

                Gathering.plan = lambda self, rows: Plan()  # type: ignore[method-assign]
            found["rate"], found["cpu_rate"] = asyncio.run(work(path, hot_ones(population), messages))
        case _:
            found["rate"], found["cpu_rate"] = asyncio.run(work(path, range(population), messages))
    found["seconds"] = time.perf_counter() - started
    found["mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--full", action="store_true", help="a million entities; takes minutes")
    parser.add_argument("--population", type=int, help="or so many")
    parser.add_argument("--messages", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the stores are written (default: the system's)")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    population: int = options.population or (1_000_000 if options.full else 100_000)
    if options.child:
        print(json.dumps(in_child(options.child[0], Path(options.child[1]), population, options.messages)))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        small, large, scattered = (Path(name) / f"{which}.db" for which in ("small", "large", "scattered"))
        asyncio.run(fill(small, HOT))
        asyncio.run(fill(large, population))
        shutil.copy(large, scattered)
        rates: dict[Path, list[float]] = {small: [], large: [], scattered: []}
        by_cpu: dict[Path, list[float]] = {small: [], large: [], scattered: []}
        megabytes: list[float] = []
        seconds: dict[str, list[float]] = {"open": [], "start": []}
        for _ in range(options.rounds):
            for task, measured in seconds.items():
                measured.append(child(large, task, population, 0)["seconds"])
            for path, stored in ((small, HOT), (large, population), (scattered, population)):
                task = "scattered" if path is scattered else "hot"
                found = child(path, task, stored, options.messages)
                rates[path].append(found["rate"])
                by_cpu[path].append(found["cpu_rate"])
                if path is large:
                    megabytes.append(found["mb"])
        every = child(large, "every", population, min(population, 300_000))
    few, many, apart = (statistics.median(rates[path]) for path in (small, large, scattered))
    print(f"{population:,} entities stored, {HOT:,} hot, {options.messages:,} messages, medians of {options.rounds}")
    print(f"messages per second: {few:,.0f} with the hot ones alone, {many:,.0f} with all; {every['rate']:,.0f} to all")
    cpu_few, cpu_many, cpu_apart = (statistics.median(by_cpu[path]) for path in (small, large, scattered))
    print(f"{'  of processor time':44} {cpu_many / cpu_few:8.2f}   which other programs disturb less")
    print(
        f"{'  were the hot ones not laid together':44} {apart / few:8.2f}   {cpu_apart / cpu_few:.2f} of processor time"
    )
    opened, start = statistics.median(seconds["open"]), statistics.median(seconds["start"])
    print(f"seconds: {opened:.3f} to import and open, {start:.3f} to the first message handled and stored")
    population_stored = f"{population:,} entities stored"
    report(
        (
            Figure(
                name=f"messages/s, {population_stored}",
                ours=rates[large],
                peer="hot ones alone",
                theirs=rates[small],
                aim=LEAST_THROUGHPUT,
            ),
            Figure(
                name=f"memory, {population_stored}, hot ones in use",
                ours=megabytes,
                aim=MOST_MB,
                at_least=False,
                unit="MB",
            ),
            Figure(
                name=f"memory, {population_stored}, all in use",
                ours=[every["mb"]],
                aim=MOST_MB,
                at_least=False,
                unit="MB",
            ),
            Figure(
                name=f"start to the first message, {population_stored}",
                ours=seconds["start"],
                peer="import, open the store",
                theirs=seconds["open"],
                aim=MOST_START,
                at_least=False,
            ),
        ),
        options,
    )


if __name__ == "__main__":
    main()
