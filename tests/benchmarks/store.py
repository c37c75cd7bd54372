"""The cost of a commit: ``python tests/benchmarks/store.py``.

Rows per second through ``SqliteStore.commit``, on the event loop's thread and on the store's own, beside the least that
anything durable has to do in SQLite: the same rows by ``executemany`` into the same table, and COMMIT. An epoch updates
entities at random among the hot ones, which lie scattered over the population. The three take turns in each round, on a
store each, and medians are shown. With --busy, Python code keeps the loop's thread at work meanwhile, as handlers do.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from statefun_actors import Address
from statefun_actors.store import Commit, EntityRow
from statefun_actors.store.sqlite import SqliteStore, schema

TYPE = "bank/account"
UPSERT = (
    "INSERT INTO entity (type, id, expires_ms, state) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (type, id) DO UPDATE SET expires_ms = excluded.expires_ms, state = excluded.state"
)

Write = Callable[[list[EntityRow]], Awaitable[None]]


def floor_database(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in (
        f"page_size = {schema.PAGE_SIZE}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "cache_size = -16384",
        "wal_autocheckpoint = 8000",
    ):
        db.execute(f"PRAGMA {pragma}")
    schema.migrate(db, 0, schema.STEPS)
    return db


def write_floor(db: sqlite3.Connection, rows: list[EntityRow]) -> None:
    db.execute("BEGIN IMMEDIATE")
    db.executemany(UPSERT, [(*row.address, row.expires_ms, row.packed) for row in rows])
    db.execute("COMMIT")


async def busy(milliseconds: float) -> None:
    """Handlers: some Python at a time, then an iteration of the event loop."""
    while True:
        end = time.perf_counter() + milliseconds / 1_000
        while time.perf_counter() < end:
            pass
        await asyncio.sleep(0)


async def measure(folder: Path, options: argparse.Namespace) -> None:
    rng = random.Random(1)
    everyone = [Address(TYPE, f"{n:08}") for n in range(options.population)]
    hot = rng.sample(everyone, options.hot)

    db = floor_database(folder / "floor.db")
    loop, thread = SqliteStore(folder / "loop.db", commits="loop"), SqliteStore(folder / "thread.db", commits="thread")

    async def in_floor(rows: list[EntityRow]) -> None:
        write_floor(db, rows)

    ways: dict[str, Write] = {
        "executemany": in_floor,
        "commit, loop": lambda rows: loop.commit(Commit(entities=rows)),
        "commit, thread": lambda rows: thread.commit(Commit(entities=rows)),
    }
    for start in range(0, len(everyone), 2_000):
        rows = [EntityRow(address, rng.randbytes(options.bytes)) for address in everyone[start : start + 2_000]]
        for write in ways.values():
            await write(rows)

    running = asyncio.create_task(busy(options.busy)) if options.busy else None
    print(f"{'rows':>5}  {'':14} {'median':>8} {'p90':>8} {'rows/s':>9}")
    for size in (10, 100, 500, 1_000):
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(options.rounds):
            rows = [EntityRow(address, rng.randbytes(options.bytes)) for address in rng.sample(hot, size)]
            for name, write in ways.items():
                if running and name != "commit, thread":
                    continue  # they would only stop the handlers
                started = time.perf_counter()
                await write(rows)
                seconds[name].append(time.perf_counter() - started)
        for name, measured in seconds.items():
            if measured:
                middle, late = statistics.median(measured), sorted(measured)[len(measured) * 9 // 10]
                print(f"{size:5}  {name:14} {middle * 1e3:5.2f} ms {late * 1e3:5.2f} ms {size / middle:9,.0f}")
    if running:
        running.cancel()
    for store in (loop, thread):
        store.close()
    db.close()
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB, addresses included")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--population", type=int, default=100_000, help="entities stored")
    parser.add_argument("--hot", type=int, default=10_000, help="of which this many are written again and again")
    parser.add_argument("--bytes", type=int, default=120, help="size of a state")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--busy", type=float, default=0, metavar="MS", help="Python at work beside, so long at a time")
    parser.add_argument("--folder", default=".", help="on the disk to be measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        asyncio.run(measure(Path(folder), options))


if __name__ == "__main__":
    main()
