"""Durable asks inside a program, next to HTTP, the disk and DBOS: ``python -m tests.benchmarks.library``.

- Asks a second of ``AsyncRuntime``, at 100 and 10,000 keys, next to the same load over HTTP: ``statefun-actors run`` on
  its fast path, in a process of its own, asked over as many connections as there are tasks here. They take turns, and
  medians are compared. Aim: at least twice as many.
- One ask at a time, next to appending as many bytes to a file and calling fdatasync. Aim: a p50 of at most 1.3 times.
- Processor time of an ask, next to a workflow of one step on DBOS, both with SQLite, one at a time.

``--profile`` shows where the time of asks inside a program goes instead.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from statefun_actors import AsyncRuntime, Entity, handles, message, persisted
from tests.benchmarks.figures import CannotMeasureError, Figure, Unmeasured, parser_of, profiled, report
from tests.benchmarks.peers.installed import python_with
from tests.benchmarks.restate.load import request, send
from tests.benchmarks.restate.servers import Process

ROOT: Final = Path(__file__).parents[2]
DBOS: Final = "3.4.0"
KEYS: Final = (100, 10_000)


@message("library/deposit")
class Deposit:
    cents: int


@message("library/balance")
class Balance:
    cents: int


class Account(Entity, typename="library/account"):
    balance: int = persisted(default=0)

    @handles
    def deposit(self, message: Deposit) -> Balance:
        self.balance += message.cents
        return Balance(self.balance)


async def asked(runtime: AsyncRuntime, keys: int, tasks: int, seconds: float) -> tuple[float, float]:
    """Asks a second by *tasks* at the same time, and µs of a processor for each."""
    until = time.perf_counter() + seconds
    done = 0

    async def ask(number: int) -> None:
        nonlocal done
        while time.perf_counter() < until:
            reply = await runtime.ask(Account.deposit, str(number % keys), Deposit(1))
            assert isinstance(reply, Balance)
            done += 1
            number += tasks

    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(ask(number) for number in range(tasks)))
    return done / (time.perf_counter() - began), (time.process_time() - used) / done * 1e6


class Http:
    """``statefun-actors run``, which listens."""

    def __init__(self, folder: Path) -> None:
        run = (sys.executable, "-m", "statefun_actors", "run", "tests.benchmarks.library:Account")
        self._process = Process(*run, "--store", folder / "http.db", "--bind", "127.0.0.1:0")
        found = self._process.line_with(r"taken at http://([\d.]+):(\d+)/ingress")
        self.host, self.port = found[1], int(found[2])

    def requests(self, keys: int) -> list[bytes]:
        """A deposit to each account, which is answered with the balance."""
        return [
            request(
                self.host,
                self.port,
                f"/ingress/library/account/{key}?type=library/deposit&wait=30s",
                b'{"cents":1}',
                "application/json",
            )
            for key in range(keys)
        ]

    def asked(self, keys: int, connections: int, seconds: float) -> tuple[float, float]:
        """Answers a second, and µs of its processor for each."""
        requests = self.requests(keys)
        used = self._process.cpu_seconds()
        load = send(self.host, self.port, requests, connections=connections, seconds=seconds)
        return load.answered / load.seconds, (self._process.cpu_seconds() - used) / load.answered * 1e6

    def close(self) -> None:
        self._process.close()


@contextmanager
def serving(folder: Path) -> Generator[Http]:
    """The server, for as long as it is used."""
    server = Http(folder)
    try:
        yield server
    finally:
        server.close()


async def compare_with_http(folder: Path, options: argparse.Namespace) -> list[Figure]:
    """Asks a second in process and over HTTP."""
    figures: list[Figure] = []
    with serving(folder) as http:
        async with AsyncRuntime(Account, store=folder / "library.db") as runtime:
            for keys in KEYS:
                rates: dict[str, list[tuple[float, float]]] = {"in process": [], "over HTTP": []}
                for _ in range(options.rounds):
                    rates["in process"].append(await asked(runtime, keys, options.tasks, options.seconds))
                    over_http = asyncio.to_thread(http.asked, keys, options.tasks, options.seconds)
                    rates["over HTTP"].append(await over_http)
                for name, values in rates.items():
                    rate, cpu = (statistics.median(column) for column in zip(*values, strict=True))
                    print(f"{keys:6,} keys, {name:12}{rate:10,.0f} asks/s{cpu:8.0f} µs of a processor each")
                ours, theirs = ([rate for rate, _ in values] for values in rates.values())
                name = f"asks/s in process, {keys:,} keys"
                figures.append(Figure(name=name, ours=ours, peer="over HTTP", theirs=theirs, aim=2.0))
    return figures


async def compare_with_the_disk(folder: Path, options: argparse.Namespace) -> tuple[Figure, float]:
    """The duration of one ask at a time, and its processor time in µs."""
    ours: list[float] = []
    disk: list[float] = []
    used = 0.0
    file = os.open(folder / "appended", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    async with AsyncRuntime(Account, store=folder / "single.db") as runtime:
        await runtime.ask(Account.deposit, "ada", Deposit(1))
        for _ in range(options.single):
            began, before = time.perf_counter(), time.process_time()
            await runtime.ask(Account.deposit, "ada", Deposit(1))
            ours.append(time.perf_counter() - began)
            used += time.process_time() - before
            began = time.perf_counter()
            os.write(file, b"x" * 200)
            os.fdatasync(file)
            disk.append(time.perf_counter() - began)
    os.close(file)
    one, floor = statistics.median(ours), statistics.median(disk)
    print(f"one at a time, p50: {one * 1e3:.3f} ms; append and fdatasync {floor * 1e3:.3f} ms")
    name = "asks one at a time: p50"
    figure = Figure(name=name, ours=[one], peer="append, fdatasync", theirs=[floor], aim=1.3, at_least=False)
    return figure, float(used / options.single * 1e6)


def compare_with_dbos(folder: Path, ours: float, count: int) -> Figure | Unmeasured:
    """The processor time of an ask, *ours* in µs, next to that of a DBOS workflow."""
    name, peer = "an ask in process: processor time", f"DBOS {DBOS}, a one-step workflow"
    try:
        theirs = dbos_us(folder, count)
    except CannotMeasureError as error:
        return Unmeasured(name=name, reason=str(error))
    print(f"processor time: an ask {ours:,.0f} µs, a workflow of one step on DBOS {DBOS} {theirs:,.0f} µs")
    return Figure(name=name, ours=[ours], peer=peer, theirs=[theirs], aim=0.25, at_least=False)


def dbos_us(folder: Path, count: int) -> float:
    """µs of processor time of a workflow of one step on DBOS, the mean of *count*.

    Raises:
        CannotMeasureError: DBOS can't be installed.
    """
    python = python_with("DBOS", DBOS, f"dbos=={DBOS}")
    script = Path(__file__).parent / "peers" / "dbos_workflow.py"
    command: list[str | Path] = [python, script, folder / "dbos.sqlite", str(count)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=folder)
    return float(json.loads(done.stdout.splitlines()[-1])["cpu_seconds"]) / count * 1e6


async def profile(folder: Path, options: argparse.Namespace) -> None:
    """Prints the functions in which asks spend their time."""
    async with AsyncRuntime(Account, store=folder / "profile.db") as runtime:
        await asked(runtime, 100, options.tasks, 0.5)
        with profiled():
            await asked(runtime, 100, options.tasks, options.seconds)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--tasks", type=int, default=32, help="that ask at the same time")
    parser.add_argument("--single", type=int, default=1_000, help="asks one at a time")
    parser.add_argument("--folder", type=Path, help="where the stores are; a temporary one unless given")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        if options.profile:
            asyncio.run(profile(folder, options))
            return
        figures = asyncio.run(compare_with_http(folder, options))
        single, ours = asyncio.run(compare_with_the_disk(folder, options))
        dbos = compare_with_dbos(folder, ours, options.single // 4)
        report([*figures, single, dbos], options)


if __name__ == "__main__":
    main()
