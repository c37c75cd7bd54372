"""What an open console costs, and how fast its lists are: ``python -m tests.benchmarks.console [--full]``.

A server in a process of its own: an ``AsyncRuntime`` with SQLite and an HTTP ingress, whose handler changes a field and
sends one message. In turns, without a console and with one whose overview is open: this process follows its
server-sent events, and fetches the page after each, as the script of the page does.

- offered: messages a second that are handled while 5,000 are offered. Aim: at least 0.95 times.
- saturated: messages a second of processor time of the server. Aim: at least 0.75 times.
- memory: the most that the server has used, with the console less without. Aim: at most 30 MB.
- lists: the 95th percentile of the time until a page of entities has come, of 100,000 (--full: a million), by id, by
  prefix and page by page. Aim: at most 100 ms, on a machine that is idle otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import html
import http.client
import json
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from statefun_actors import Address, AsyncRuntime, Entity, handles, persisted
from statefun_actors.console import ConsoleMode
from tests.benchmarks.figures import Figure, parser_of, report
from tests.benchmarks.growth import TYPE, fill, id_of

_ENTITIES: Final = 3_000
_OFFERED: Final = 5_000
_STEP: Final = 0.02
_MB: Final = 1_000_000


class First(Entity, typename="bench/first"):
    n: int = persisted(default=0)

    @handles
    def add(self, message: int) -> int:
        self.n += message
        self.send(Address("bench/second", self.id), message)
        return self.n


class Second(Entity, typename="bench/second"):
    n: int = persisted(default=0)

    @handles
    def add(self, message: int) -> None:
        self.n += message


class Counter(Entity, typename=TYPE):
    """The entities of the lists."""

    total: int = persisted(default=0)

    @handles
    def add(self, message: int) -> None:
        self.total += message


async def _serve(options: argparse.Namespace) -> None:
    """The server: prints its URL, and after a line of input works and prints its figures; ``--only-lists``: it ends."""
    mode: ConsoleMode = options.serve
    async with AsyncRuntime(First, Second, Counter, store=options.store, bind="127.0.0.1:0", console=mode) as runtime:
        print(runtime.urls[0], flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        if options.only_lists:
            return
        step, began = round(_OFFERED * _STEP / 2), time.perf_counter()
        asked: set[asyncio.Task[int]] = set()
        for number in range(round(options.seconds / _STEP)):
            for each in range(number * step, (number + 1) * step):
                asked.add(asyncio.create_task(runtime.ask(First.at(str(each * 7 % _ENTITIES)), 1)))
            await asyncio.sleep(max(0.0, began + (number + 1) * _STEP - time.perf_counter()))
        await asyncio.gather(*asked)
        offered = 2 * len(asked) / (time.perf_counter() - began)
        used = time.process_time()
        for begin in range(0, options.messages, 200):
            targets = [First.at(str(each * 7 % _ENTITIES)) for each in range(begin, begin + 200)]
            await asyncio.gather(*(runtime.ask(target, 1) for target in targets))
        saturated = 2 * options.messages / (time.process_time() - used)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        print(json.dumps([offered, saturated, memory / _MB]), flush=True)
        await asyncio.to_thread(sys.stdin.readline)


@contextmanager
def _server(mode: str, store: Path, *more: str) -> Generator[tuple[str, subprocess.Popen[str]]]:
    """A server at a URL, which has not begun its work."""
    command = [sys.executable, "-m", "tests.benchmarks.console", "--serve", mode, "--store", str(store), *more]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write("\n")
            process.stdin.flush()


def _follow(url: str, ended: threading.Event) -> None:
    """The open overview of a browser."""
    connection, version = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60), ""
    while not ended.is_set():
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/console/")
            page = connection.getresponse().read().decode()
            found = re.search(r'data-version="([^"]*)"', page)
            version = version if found is None else found[1]
            connection.request("GET", f"/console/changes?since={version}")
            connection.getresponse().read()
            ended.wait(1.0)  # the pause that the event asks for


def _run(mode: str, options: argparse.Namespace) -> list[float]:
    """Offered and saturated messages a second, and MB of memory."""
    with tempfile.TemporaryDirectory() as folder:
        more = ("--seconds", str(options.seconds), "--messages", str(options.messages))
        with _server(mode, Path(folder) / "bench.db", *more) as (url, process):
            assert process.stdin is not None
            assert process.stdout is not None
            ended = threading.Event()
            following = threading.Thread(target=_follow, args=(url, ended), daemon=True)
            if mode != "off":
                following.start()
            process.stdin.write("\n")
            process.stdin.flush()
            measured: list[float] = json.loads(process.stdout.readline())
            ended.set()
            return measured


def _lists(population: int, requests: int) -> list[float]:
    """Milliseconds until each page had come."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "bench.db"
        asyncio.run(fill(store, population))
        with _server("read-only", store, "--only-lists") as (url, _):
            connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
            taken: list[float] = []
            for path in _paths(population, requests):
                began = time.perf_counter()
                connection.request("GET", path)
                page = connection.getresponse().read()
                taken.append(1000 * (time.perf_counter() - began))
                assert b"entity?type=" in page, path
            connection.request("GET", f"/console/entities?type={quote(TYPE, safe='')}")
            for _ in range(requests // 3):
                page = connection.getresponse().read()
                found = re.search(rb'href="(entities[^"]*)" rel="next"', page)
                assert found is not None
                began = time.perf_counter()
                connection.request("GET", f"/console/{html.unescape(found[1].decode())}")
                taken.append(1000 * (time.perf_counter() - began))
            connection.close()
            return taken


def _paths(population: int, requests: int) -> Iterator[str]:
    rng, of_type = random.Random(3), f"/console/entities?type={quote(TYPE, safe='')}"
    for _ in range(requests // 3):
        id = id_of(rng.randrange(population))
        yield f"{of_type}&prefix={id[: rng.randrange(1, len(id))]}"
        yield f"{of_type}&after={id_of(rng.randrange(population // 2))}"


def figures(options: argparse.Namespace) -> Iterator[Figure]:
    runs: dict[str, list[list[float]]] = {"off": [], "full": []}
    for number in range(options.rounds + 1):
        for mode, found in runs.items():
            measured = _run(mode, options)
            if number:  # the first round warms up
                found.append(measured)
    for at, name, aim in ((0, "messages, 5,000 a second offered", 0.95), (1, "messages, saturated", 0.75)):
        on, off = ([each[at] for each in runs[mode]] for mode in ("full", "off"))
        yield Figure(name=f"{name}, console open", ours=on, peer="no console", theirs=off, aim=aim)
    more = [on[2] - off[2] for on, off in zip(runs["full"], runs["off"], strict=True)]
    yield Figure(name="memory of an open console", ours=more, aim=30, at_least=False, unit="MB")
    population = 1_000_000 if options.full else 100_000
    taken = _lists(population, options.requests)
    p95 = statistics.quantiles(taken, n=20)[-1]
    yield Figure(name=f"95 % of lists of {population:,} entities", ours=[p95], aim=100, at_least=False, unit="ms")


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=10_000, help="asks in the saturated part of a round")
    parser.add_argument("--seconds", type=float, default=2.0, help="for which messages are offered in a round")
    parser.add_argument("--requests", type=int, default=300, help="lists that are fetched")
    parser.add_argument("--full", action="store_true", help="lists of a million entities")
    for option in ("--serve", "--store"):
        parser.add_argument(option, help=argparse.SUPPRESS)
    parser.add_argument("--only-lists", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(_serve(options))
    else:
        report(figures(options), options)


if __name__ == "__main__":
    main()
