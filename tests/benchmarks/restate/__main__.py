"""Durable invocations over HTTP next to Restate 1.7: ``python -m tests.benchmarks.restate``.

Both have a counter for each key, whose handler adds to its state and returns the total; whatever is acknowledged is
synced to disk. One load generator asks both, on a processor of its own (``--core``); the servers have all of them. They
take turns, and medians are compared. A rate counts from the first request until every message is handled, and every
counter is compared with what was sent to it. Restate runs with 4 partitions, keeps nothing of
what is done, and has its SDK under uvicorn, with uvloop.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.figures import Figure, needed, parser_of, report
from tests.benchmarks.restate.installed import SERVER, Restate, restate
from tests.benchmarks.restate.measuring import CONNECTIONS, Ledger, Rate, latencies, memory
from tests.benchmarks.restate.servers import CORES, Floor, Ours, RestateServer, Server, first_answer

KEYS = (1, 100, 10_000)
Figures = dict[str, dict[str, list[float]]]
"""By what is measured and by server, one for each round."""


def keys(count: int) -> list[str]:
    return [f"k{number}" for number in range(count)]


def note(figures: Figures, what: str, name: str, rate: Rate) -> None:
    figures[f"{what}, a second"][name].append(rate.a_second)
    figures[f"{what}: µs of processors each"][name].append(rate.cpu_each * 1e6)
    figures[f"{what}: bytes written each"][name].append(rate.bytes_each)


def compare(servers: dict[str, Server], floor: Server, rounds: int, seconds: float) -> Figures:
    """Everything but the start and the memory."""
    ledgers = {name: Ledger(server) for name, server in servers.items()}
    figures: Figures = defaultdict(lambda: defaultdict(list))
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for count in KEYS:
            for name, ledger in ledgers.items():
                rate = ledger.sent(keys(count), seconds)
                note(figures, f"sent to {count:,} keys", name, rate)
        for name, ledger in ledgers.items():
            note(figures, "answered with the total", name, ledger.replied(keys(100), seconds))
        for name, ledger in ledgers.items():
            rate = ledger.sent(keys(100), seconds, by_relay=True)
            note(figures, "each sending another", name, rate)
        for name, server in {**servers, floor.name: floor}.items():
            times = latencies(server, seconds)
            figures["one at a time, p50, ms"][name].append(1e3 * times[len(times) // 2])
            figures["one at a time, p99, ms"][name].append(1e3 * times[len(times) * 99 // 100])
    return figures


def other_forms(folder: Path, rounds: int, seconds: float) -> Figures:
    """Our own, by how numbers travel."""
    figures: Figures = defaultdict(lambda: defaultdict(list))
    for _ in range(rounds):
        for form in ("json", "binary", "protobuf as JSON"):
            server = Ours(folder / form.replace(" ", "-"), form)
            ledger = Ledger(server)
            try:
                rate = ledger.sent(keys(100), seconds)
                note(figures, "sent to 100 keys", form, rate)
                note(figures, "answered with the total", form, ledger.replied(keys(100), seconds))
            finally:
                close(server)
            for file in (folder / form.replace(" ", "-")).iterdir():
                file.unlink()
    return figures


def starts(make: Callable[[], Server], times: int) -> list[float]:
    """Seconds from nothing to the first durable answer of a server whose store is there."""
    taken = []
    for number in range(times + 1):
        began = time.perf_counter()
        server = make()
        first_answer(server)
        if number:  # the first one made the store
            taken.append(time.perf_counter() - began)
        close(server)
    return taken


def close(server: Server) -> None:
    for process in server.processes:
        process.close()


def run(installed: Restate, folder: Path, rounds: int, seconds: float) -> tuple[Figures, Figures]:
    """Both tables."""
    ours, theirs = "statefun-actors", "Restate"
    started = {
        ours: starts(lambda: Ours(folder / "starts"), rounds),
        theirs: starts(lambda: RestateServer(installed, folder / "restate-starts"), rounds),
    }
    servers: dict[str, Server] = {ours: Ours(folder / "ours"), theirs: RestateServer(installed, folder / "restate")}
    floor = Floor(folder)
    try:
        for server in servers.values():
            first_answer(server)
        figures = compare(servers, floor, rounds, seconds)
        figures["memory after that, MiB"] = {name: [memory(server) / 2**20] for name, server in servers.items()}
    finally:
        for server in (*servers.values(), floor):
            close(server)
    figures["start to the first answer, s"] = started
    return figures, other_forms(folder, rounds, seconds)


def compared(found: Figures) -> list[Figure]:
    """The aims, next to the measured figures."""
    ours, theirs, floor = "statefun-actors", "Restate", Floor.name

    def figure(what: str, aim: float, *, peer: str = theirs, at_least: bool = False) -> Figure:
        return Figure(
            name=what, ours=found[what][ours], peer=peer, theirs=found[what][peer], aim=aim, at_least=at_least
        )

    rates = [
        *(f"sent to {count:,} keys, a second" for count in KEYS),
        "answered with the total, a second",
        "each sending another, a second",
    ]
    return [
        *(figure(what, 10, at_least=True) for what in rates),
        figure("one at a time, p50, ms", 2.5, peer=floor),
        figure("memory after that, MiB", 1 / 3),
        figure("start to the first answer, s", 1.0),
        *(figure(f"sent to {count:,} keys: bytes written each", 10) for count in KEYS),
    ]


def show(figures: Figures) -> None:
    """Print medians."""
    found = {what: {name: statistics.median(each) for name, each in by.items()} for what, by in figures.items()}
    names = list(dict.fromkeys(name for by in found.values() for name in by))
    print(f"{'':44}" + "".join(f"{name:>26}" for name in names))
    for what, by in found.items():
        print(f"{what:44}" + "".join(_cell(by.get(name)) for name in names))


def _cell(figure: float | None) -> str:
    if figure is None:
        return f"{'':26}"
    return f"{figure:26,.2f}" if figure < 100 else f"{figure:26,.0f}"


def main() -> None:
    options = parser_of(__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=3.0, help="of load for each figure")
    options.add_argument("--core", type=int, default=max(CORES), help="of the load generator")
    options.add_argument("--folder", type=Path, help="on the disk to be measured; default: the temporary folder")
    chosen = options.parse_args()
    installed = needed(f"durable invocations next to Restate {SERVER}", chosen, restate)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        os.sched_setaffinity(0, {chosen.core})
        print(f"{CONNECTIONS} connections; the load generator on core {chosen.core}, servers on {sorted(CORES)}")
        figures, forms = run(installed, Path(folder), chosen.rounds, chosen.seconds)
    show(figures)
    print("\nstatefun-actors alone, by how numbers travel")
    show(forms)
    report(compared(figures), chosen)


if __name__ == "__main__":
    main()
