"""Starts over a store with many rows, compared to starts over an empty one. Each start is a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.figures import Figure, parser_of, report

MOST_START, MOST_MB = 1.5, 150.0
TURNS: Final = 3


def memory_mb() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run_benchmark(
    module: str,
    doc: str | None,
    what: str,
    fill: Callable[[Path, int], Coroutine[Any, Any, None]],
    start: Callable[[Path, float], Coroutine[Any, Any, tuple[float, ...]]],
    more: Callable[[list[tuple[float, ...]]], list[Figure]] = lambda _: [],
) -> None:
    """Measure starts of *module* over an empty store, and over one with rows, and report the figures.

    Args:
        module: the name of the benchmark's module, which runs itself for each start.
        doc: its docstring.
        what: names the rows, such as "open asks"; its last word is the option for their number.
        fill: writes a number of rows to the store at a path.
        start: run in a process that began at a time; returns the seconds until it was ready, its memory in MB, and
            further values for *more*.
        more: makes further figures of the results of *start* with rows.
    """
    parser = parser_of(doc)
    parser.add_argument(f"--{what.rpartition(' ')[2]}", dest="rows", type=int, default=1_000_000)
    parser.add_argument("--start", type=Path)
    arguments = parser.parse_args()
    if arguments.start is not None:
        print(json.dumps(asyncio.run(start(arguments.start, float(sys.stdin.readline())))))
        return
    found = _found(module, arguments, fill)
    starts = {name: [each[0] for each in runs] for name, runs in found.items()}
    memory = {name: max(each[1] for each in runs) for name, runs in found.items()}
    stored = f"{arguments.rows:,} {what}"
    print(f"{stored}: {statistics.median(starts['full']):.2f} s and {memory['full']:.0f} MB; none: "
          f"{statistics.median(starts['empty']):.2f} s and {memory['empty']:.0f} MB")  # fmt: skip
    ready = Figure(
        name=f"start to the first message answered, {stored}",
        ours=starts["full"],
        peer="an empty store",
        theirs=starts["empty"],
        aim=MOST_START,
        at_least=False,
    )
    most = Figure(name=f"memory, {stored}", ours=[memory["full"]], aim=MOST_MB, at_least=False, unit="MB")
    report([ready, most, *more(found["full"])], arguments)


def _found(
    module: str, arguments: argparse.Namespace, fill: Callable[[Path, int], Coroutine[Any, Any, None]]
) -> dict[str, list[tuple[float, ...]]]:
    with tempfile.TemporaryDirectory() as folder:
        stores = {"empty": Path(folder) / "empty.db", "full": Path(folder) / "full.db"}
        asyncio.run(fill(stores["full"], arguments.rows))
        found: dict[str, list[tuple[float, ...]]] = {name: [] for name in stores}
        for _ in range(TURNS):
            for name, path in stores.items():
                command = [sys.executable, "-m", module, "--start", str(path)]
                run = subprocess.run(command, input=f"{time.time()}\n", stdout=subprocess.PIPE, text=True, check=True)
                found[name].append(tuple(json.loads(run.stdout)))
    return found
