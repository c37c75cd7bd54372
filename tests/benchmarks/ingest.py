"""How fast ``run --input`` is next to a bare durable loop: ``python -m tests.benchmarks.ingest``.

One int field, one handler, no sends, 10,000 ids, lines of 60 bytes; every epoch is fsynced. The floor, in the same run:
a loop that parses the line (json), bumps a dict, and writes the same rows to SQLite (WAL, FULL) in epochs of the same
500 lines. Each is a process of its own; they take turns, and medians are compared. The disk is the one under --folder.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from statefun_actors import Entity, handles, persisted
from tests.benchmarks.figures import Figure, parser_of, report

IDS = 10_000
EPOCH = 500
TARGET_RATIO = 0.2
TARGET_MB = 150


class Counter(Entity, typename="bench/counter"):
    total: int = persisted(default=0)

    @handles
    def add(self, amount: int) -> None:
        self.total += amount


def write_input(path: Path, lines: int) -> None:
    rng = random.Random(1)
    with path.open("w", encoding="ascii") as file:
        for _ in range(lines):
            line = f'{{"to": "bench/counter/{rng.randrange(IDS):05}", "value": {rng.randrange(10**8, 10**9)}}}'
            file.write(line[:-1].ljust(58) + "}\n")


def floor(path: Path, store: Path) -> float:
    db = sqlite3.connect(store, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -16000", "wal_autocheckpoint = 4000"):
        db.execute(f"PRAGMA {pragma}")
    db.execute(
        "CREATE TABLE entity (type TEXT NOT NULL, id TEXT NOT NULL, state BLOB NOT NULL, expires_ms INTEGER,"
        " PRIMARY KEY (type, id)) WITHOUT ROWID"
    )
    db.execute("CREATE TABLE position (name TEXT PRIMARY KEY, position TEXT NOT NULL) WITHOUT ROWID")
    before, after = msgspec.msgpack.encode(
        ({"total": ("io.statefun.types/long", b"\x09" + bytes(8))}, {}, 1_700_000_000_000)
    ).split(b"\x09" + bytes(8))
    totals: dict[str, int] = {}
    touched: dict[str, None] = {}
    offset = 0

    def commit() -> None:
        pack = struct.Struct("<Bq").pack
        rows = [("bench/counter", id, before + pack(9, totals[id]) + after, None) for id in touched]
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT OR REPLACE INTO entity VALUES (?, ?, ?, ?)", rows)
        db.execute("INSERT OR REPLACE INTO position VALUES ('input', ?)", (str(offset),))
        db.execute("COMMIT")
        touched.clear()

    started = time.perf_counter()
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            letter = json.loads(line)
            id = letter["to"].split("/", 2)[2]
            totals[id] = totals.get(id, 0) + letter["value"]
            touched[id] = None
            offset += len(line)
            if number % EPOCH == 0:
                commit()
    if touched:
        commit()
    seconds = time.perf_counter() - started
    db.close()
    return seconds


def run_floor(path: Path, store: Path) -> tuple[float, float]:
    """Seconds and MB."""
    out, rss = child([sys.executable, "-m", "tests.benchmarks.ingest", "--floor", str(path), str(store)])
    return float(out), rss


def run_ours(path: Path, store: Path) -> tuple[float, float]:
    command = [
        sys.executable,
        "-m",
        "statefun_actors",
        "run",
        "tests.benchmarks.ingest:Counter",
        "--until-idle",
        "--json",
    ]
    out, rss = child([*command, "--input", str(path), "--store", str(store)])
    summary: dict[str, Any] = json.loads(out)
    return float(summary["seconds"]), rss


def child(command: list[str]) -> tuple[str, float]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} failed")
    return out, usage.ru_maxrss / 1024


def total_in(store: Path) -> int:
    """The sum of all counters, read past all of our code, to see that both did the work."""
    with sqlite3.connect(store) as db:
        rows = db.execute("SELECT state FROM entity").fetchall()
    db.close()
    return sum(struct.unpack("<q", state[state.index(b"long") + 7 :][:8])[0] for (state,) in rows)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the stores are written (default: the system's)")
    parser.add_argument("--floor", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.floor:
        print(floor(*options.floor))
        return
    ours: list[float] = []
    bare: list[float] = []
    memory = 0.0
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        path = folder / "input.jsonl"
        write_input(path, options.lines)
        expected = sum(json.loads(line)["value"] for line in path.open())
        for number in range(options.rounds):
            for measured, seconds_of in ((bare, run_floor), (ours, run_ours)):
                store = folder / f"{seconds_of.__name__}-{number}.db"
                seconds, rss = seconds_of(path, store)
                measured.append(seconds)
                if measured is ours:
                    memory = max(memory, rss)
                assert total_in(store) == expected, f"{store} does not hold what the input says"
        bytes_a_line = path.stat().st_size / options.lines
    rates = {
        name: options.lines / statistics.median(seconds) for name, seconds in (("floor", bare), ("run --input", ours))
    }
    print(
        f"{options.lines:,} lines of {bytes_a_line:.0f} bytes, {IDS:,} ids, epochs of {EPOCH}, {options.rounds} rounds"
    )
    for name, rate in rates.items():
        print(f"{name:12} {rate:>10,.0f} lines/s")
    report(
        (
            Figure(
                name="run --input: lines/s",
                ours=ours,
                peer="parse, count, commit",
                theirs=bare,
                inverse=True,
                aim=TARGET_RATIO,
            ),
            Figure(name="run --input: memory", ours=[memory], aim=TARGET_MB, at_least=False, unit="MB"),
        ),
        options,
    )


if __name__ == "__main__":
    main()
