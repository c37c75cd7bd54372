"""How much ``run --partitions`` gains from a second core: ``python -m tests.benchmarks.partitions``.

The limit, in the same run: two engines at once, each with a store and an input of its own. Two partitions read one
input with the same lines. One int field, one handler; 10,000 ids; every epoch is fsynced:

- nothing crosses: the handler sends nothing;
- half of all messages cross: each line has a message sent to an entity of the other partition. The engines of the limit
  handle as many, but none leaves its store;
- four partitions on two cores, next to two.

Times are those from the summary, from the start of the first engine to the end of the last.

Over HTTP, one process is the peer, with 100 and 10,000 keys: requests for each second of the servers' processors, times
the number of processes. So the generator, which uses a part of the same cores, is subtracted.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from statefun_actors import Address, Entity, handles, persisted
from statefun_actors.admin import read_entities
from statefun_actors.partitions import partition_of
from tests.benchmarks.figures import Figure, parser_of, report
from tests.benchmarks.http import cpu_seconds
from tests.benchmarks.restate.load import request, send
from tests.benchmarks.restate.servers import ROOT, Process

IDS: Final = 10_000
CONNECTIONS: Final = 64
ALONE, CROSSING, FOUR, OVER_HTTP = 0.95, 0.8, 0.95, 1.5
"""The aims."""
_APP: Final = "tests.benchmarks.partitions"


class Counter(Entity, typename="bench/counter"):
    total: int = persisted(default=0)

    @handles
    def add(self, amount: int) -> None:
        self.total += amount


class Relay(Entity, typename="bench/relay"):
    count: int = persisted(default=0)

    @handles
    def relay(self, id: str) -> None:
        self.count += 1
        self.send(Counter.at(id), 1)


def write_inputs(folder: Path, lines: int) -> None:
    """``counter.jsonl`` and ``relay.jsonl``; ``….0.jsonl`` and ``….1.jsonl`` have their lines for two partitions."""
    chance = random.Random(1)
    ids = [f"{number:05}" for number in range(IDS)]
    by_partition: dict[int, list[str]] = {0: [], 1: []}
    for id in ids:
        by_partition[partition_of(Counter.at(id), 2)].append(id)
    for name in ("counter", "relay"):
        typename = f"bench/{name}"
        written: list[list[str]] = [[], [], []]
        for _ in range(lines):
            id = chance.choice(ids)
            own = partition_of(Address(typename, id), 2)
            value = 1 if name == "counter" else chance.choice(by_partition[1 - own])
            line = json.dumps({"to": f"{typename}/{id}", "value": value}).ljust(58) + "\n"
            written[own].append(line)
            written[2].append(line)
        for suffix, part in zip((".0.jsonl", ".1.jsonl", ".jsonl"), written, strict=True):
            (folder / f"{name}{suffix}").write_text("".join(part), encoding="ascii")


def started(store: Path, input: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "statefun_actors", "run", _APP, "--until-idle", "--json", "--history", "0"]
    command = [*command, "--log-level", "error", "--input", str(input), "--store", str(store), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def seconds_of(name: str, runs: Sequence[subprocess.Popen[str]]) -> float:
    """The seconds of the longest of *runs*."""
    before = os.times()
    found: list[dict[str, Any]] = []
    for each in runs:
        out, _ = each.communicate()
        assert each.returncode == 0, out
        found.append(json.loads(out))
    after = os.times()
    seconds = max(float(summary["seconds"]) for summary in found)
    used = after.children_user + after.children_system - before.children_user - before.children_system
    print(f"{name}: {seconds:.2f} s, {used:.2f} s of processors with the start")
    return seconds


def engines(folder: Path, name: str) -> float:
    """The seconds of two engines at once."""
    with tempfile.TemporaryDirectory(dir=folder) as stores:
        runs = [started(Path(stores) / f"{n}.db", folder / f"{name}.{n}.jsonl") for n in range(2)]
        return seconds_of(f"{name}, two engines at once", runs)


def partitions(folder: Path, name: str, count: int, lines: int) -> float:
    """The seconds of *count* partitions."""
    with tempfile.TemporaryDirectory(dir=folder) as stores:
        store = Path(stores) / "partitions.db"
        run = started(store, folder / f"{name}.jsonl", "--partitions", str(count))
        seconds = seconds_of(f"{name}, {count} partitions", [run])
        assert sum(counter.total for _, counter in read_entities(store, Counter)) == lines
    return seconds


class Server:
    """A run that takes messages over HTTP, with *count* partitions; 1: without the option."""

    def __init__(self, folder: Path, count: int) -> None:
        options = () if count == 1 else ("--partitions", str(count))
        quiet = ("--log-level", "error", "--history", "0", "--console", "off")
        command = ("-m", "statefun_actors", "run", _APP, "--bind", "127.0.0.1:0", "--store", folder / f"{count}.db")
        self._process = Process(sys.executable, *command, *quiet, *options)
        found = self._process.line_with(r"http://([\d.]+):(\d+)/ingress")
        self.host, self.port = found[1], int(found[2])
        pid = self._process.pid
        self._pids = [pid] if count == 1 else _children(pid)
        self._count = count

    def rate(self, keys: int, seconds: float) -> float:
        """Requests for each second of its processors, times the number of its processes."""
        path = "/ingress/bench/counter"
        asked = [
            request(self.host, self.port, f"{path}/{key:05}", b"1", "application/json", "PUT") for key in range(keys)
        ]
        before = self._cpu_seconds()
        load = send(self.host, self.port, asked, connections=CONNECTIONS, seconds=seconds)
        used = self._cpu_seconds() - before
        print(f"{self._count} processes, {keys:,} keys: {load.answered / load.seconds:,.0f} requests/s")
        return load.answered / used * self._count

    def close(self) -> None:
        self._process.close()

    def _cpu_seconds(self) -> float:
        return sum(map(cpu_seconds, self._pids))


def _children(pid: int) -> list[int]:
    """The processes of the partitions, whose supervisor is *pid*."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [int(each) for each in children if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]


def over_http(folder: Path, rounds: int, seconds: float) -> list[Figure]:
    """Two partitions next to one process."""
    rates: dict[tuple[int, int], list[float]] = {(count, keys): [] for count in (1, 2) for keys in (100, IDS)}
    servers = {count: Server(folder, count) for count in (1, 2)}
    try:
        for _ in range(rounds):
            for (count, keys), each in rates.items():
                each.append(servers[count].rate(keys, seconds))
    finally:
        for server in servers.values():
            server.close()
    return [
        Figure(
            name=f"--partitions 2 over HTTP, {keys:,} keys: requests/CPU s",
            ours=rates[2, keys],
            peer="one process",
            theirs=rates[1, keys],
            aim=OVER_HTTP,
        )
        for keys in (100, IDS)
    ]


def over_input(folder: Path, rounds: int, lines: int) -> list[Figure]:
    """Partitions next to engines that know nothing of each other, and four next to two."""
    write_inputs(folder, lines)
    limit, two, four = list[float](), list[float](), list[float]()
    limit_relay, two_relay = list[float](), list[float]()
    for _ in range(rounds):
        limit.append(engines(folder, "counter"))
        two.append(partitions(folder, "counter", 2, lines))
        four.append(partitions(folder, "counter", 4, lines))
        limit_relay.append(engines(folder, "relay"))
        two_relay.append(partitions(folder, "relay", 2, lines))
    return [
        Figure(
            name="--partitions 2, nothing crosses: lines/s", ours=two, peer="two engines at once", theirs=limit,
            inverse=True, aim=ALONE,
        ),
        Figure(
            name="--partitions 2, half of all messages cross", ours=two_relay, peer="two engines at once",
            theirs=limit_relay, inverse=True, aim=CROSSING,
        ),
        Figure(
            name="--partitions 4 on two cores: lines/s", ours=four, peer="--partitions 2", theirs=two, inverse=True,
            aim=FOUR,
        ),
    ]  # fmt: skip


def main() -> None:
    parser: argparse.ArgumentParser = parser_of(__doc__)
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement over HTTP")
    parser.add_argument("--folder", type=Path, help="where the stores are written (default: the system's)")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        figures = over_input(folder, options.rounds, options.lines)
        figures += over_http(folder, options.rounds, options.seconds)
    report(figures, options)


if __name__ == "__main__":
    main()
