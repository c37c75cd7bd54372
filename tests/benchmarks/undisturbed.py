"""How steady ``serve`` and ``run`` are over HTTP: ``python -m tests.benchmarks.undisturbed [--rounds 3]``.

- p99 at half load: a server is asked as fast as it answers, then at half of that rate, at steady times; the 99th
  percentile of the time until the answer is compared with the median. For ``serve``, and for ``run``, whose answers
  wait for the disk. Aim: at most 3 times. That of ``serve`` is also compared with the floor: a server that only
  computes as long for each request, asked as often, at a half of its time, too. Aim: at most 1.5 times.
- ``serve --workers 2`` next to one process: requests for each second of the servers' processors, times the number of
  processes. So the generator, which uses a part of the same cores, is subtracted. Aim: at least 1.6 times.
- Others are not disturbed by 1,000 idle connections, and by 20 clients that send requests and read no answer:
  requests a second with them, next to without. Aim: at least 0.9 times.
- Nor by a client that sends 64 requests at once, again and again: the 99th percentile of another client, asking 100
  times a second, next to that with 64 clients that send one request at a time. Aim: at most 1.5 times.
"""

from __future__ import annotations

import argparse
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.benchmarks.figures import Figure, parser_of, report
from tests.benchmarks.handler import requests
from tests.benchmarks.http import cpu_seconds
from tests.benchmarks.library import serving
from tests.benchmarks.paced import paced, percentile
from tests.benchmarks.restate.load import request, send
from tests.benchmarks.restate.servers import Process

CONNECTIONS: Final = 16
IDLE, SLOW, UNREAD, AT_ONCE = 1_000, 20, 2_000, 64
PROBES_A_SECOND: Final = 100.0
MOST_P99, MOST_OF_FLOOR, LEAST_WORKERS, LEAST_RATE, MOST_PIPELINED = 3.0, 1.5, 1.6, 0.9, 1.5


class Serve:
    """``statefun-actors serve`` with *workers* processes."""

    def __init__(self, workers: int = 1) -> None:
        command = ("-m", "statefun_actors", "serve", "tests.benchmarks.peers.ours:Account", "--bind", "127.0.0.1:0")
        more = () if workers == 1 else ("--workers", str(workers))
        self._process = Process(sys.executable, *command, "--log-level", "error", *more)
        found = self._process.line_with(r"http://([\d.]+):(\d+)/statefun")
        self.host, self.port = found[1], int(found[2])
        self.workers = workers
        kind = "application/octet-stream"
        self.requests = [request(self.host, self.port, "/statefun", body, kind) for body in requests(1)]

    def rate(self, seconds: float) -> float:
        """Requests a second."""
        load = send(self.host, self.port, self.requests, connections=CONNECTIONS, seconds=seconds)
        return load.answered / load.seconds

    def rate_by_processor(self, seconds: float) -> float:
        """Requests for each second of its processors, times the number of its processes."""
        before = self.cpu_seconds()
        load = send(self.host, self.port, self.requests, connections=2 * CONNECTIONS, seconds=seconds)
        used = self.cpu_seconds() - before
        print(f"{self.workers} workers: {load.answered / load.seconds:,.0f} requests/s, {used:.2f} s of processors")
        return load.answered / used * self.workers

    def wait_until_idle(self) -> None:
        """Return when it has used no processor for a while."""
        until, used = time.monotonic() + 60, -1.0
        while used != (now := self.cpu_seconds()):
            assert time.monotonic() < until, "it does not come to rest"
            used = now
            time.sleep(0.3)

    def close(self) -> None:
        self._process.close()

    def cpu_seconds(self) -> float:
        return sum(map(cpu_seconds, family(self._process.pid)))


def family(pid: int) -> list[int]:
    """A process and those that it has started, and so on."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(each for child in children for each in family(int(child)))]


@contextmanager
def idle(server: Serve) -> Generator[None]:
    """Connections on which nothing is sent."""
    with ExitStack() as held:
        for _ in range(IDLE):
            held.enter_context(socket.create_connection((server.host, server.port)))
        yield


@contextmanager
def slow(server: Serve) -> Generator[None]:
    """Clients that send more requests than have their answers in buffers, and read nothing."""
    with ExitStack() as held:
        for _ in range(SLOW):
            opened = held.enter_context(socket.socket())
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)  # soon full
            opened.connect((server.host, server.port))
            opened.setblocking(False)
            with suppress(BlockingIOError):
                opened.sendall(server.requests[0] * UNREAD)
        server.wait_until_idle()
        yield


@contextmanager
def asking(server: Serve, how: str) -> Generator[None]:
    """A process that asks *server*: ``pipelined``, or ``one at a time`` over as many connections."""
    command = [sys.executable, "-m", "tests.benchmarks.undisturbed", "--ask", how]
    with subprocess.Popen([*command, "--at", server.host, str(server.port)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"asking\n"
            yield
        finally:
            process.kill()


def ask(how: str, host: str, port: int) -> None:
    """Ask until the process is killed."""
    one = request(host, port, "/statefun", requests(1)[0], "application/octet-stream")
    print("asking", flush=True)
    if how == "one at a time":
        send(host, port, [one], connections=AT_ONCE, seconds=600)
        return
    with socket.create_connection((host, port)) as connection:
        while True:
            connection.sendall(one * AT_ONCE)
            answered = 0
            while answered < AT_ONCE:
                answered += connection.recv(1 << 20).count(b"HTTP/1.1 ")


@contextmanager
def computing(seconds: float) -> Generator[tuple[str, int]]:
    """The host and the port of a server that computes for *seconds* before each answer, and does nothing else."""
    command = ("-m", "tests.benchmarks.peers.computing", f"{1e6 * seconds:.1f}")
    with closing(Process(sys.executable, *command)) as process:
        found = process.line_with(r"http://([\d.]+):(\d+)/")
        yield found[1], int(found[2])


def half_load(name: str, rounds: int, saturated: Callable[[], float], at: Callable[[float], list[float]]) -> Figure:
    """The p99 next to the p50 at half of what *saturated* gives; *at* are the times at a rate."""
    late, middle = list[float](), list[float]()
    for _ in range(rounds):
        times = at(saturated() / 2)
        late.append(percentile(times, 99))
        middle.append(percentile(times, 50))
        print(f"{name} at half load: p50 {1e3 * middle[-1]:.2f} ms, p99 {1e3 * late[-1]:.2f} ms")
    return Figure(
        name=f"{name} at half load: p99", ours=late, peer="its p50", theirs=middle, aim=MOST_P99, at_least=False
    )


def of_run(rounds: int, seconds: float) -> Figure:
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as server:
        return half_load(
            "run, answers after the disk", rounds, lambda: server.asked(100, CONNECTIONS, seconds)[0],
            lambda rate: paced(server.host, server.port, server.requests(100), connections=CONNECTIONS, rate=rate,
                               seconds=seconds),
        )  # fmt: skip


def least_seconds(requests: Sequence[bytes], seconds: float) -> float:
    """What a request takes that needs no computing: in the event loop, and in the generator of the load."""
    with computing(0) as (host, port):
        load = send(host, port, requests, connections=CONNECTIONS, seconds=seconds)
    return load.seconds / load.answered


def next_to_floor(server: Serve, rate: float, seconds: float, least: float, floor: list[float]) -> list[float]:
    """The times of the answers of *server* at *rate*; the p99 of the floor, as fast as it, is added to *floor*."""

    def at_rate(host: str, port: int) -> list[float]:
        return paced(host, port, server.requests, connections=CONNECTIONS, rate=rate, seconds=seconds)

    with computing(max(0.0, 1 / (2 * rate) - least)) as (host, port):  # rate is half of what it can do
        times = at_rate(host, port)
    floor.append(percentile(times, 99))
    print(f"the floor at half load: p50 {1e3 * percentile(times, 50):.2f} ms, p99 {1e3 * floor[-1]:.2f} ms")
    return at_rate(server.host, server.port)


def of_serve(rounds: int, seconds: float) -> list[Figure]:
    server, two = Serve(), Serve(2)
    alone, both = list[float](), list[float]()
    rates: dict[str, tuple[list[float], list[float]]] = {}
    pipelined, one_at_a_time = list[float](), list[float]()
    try:
        for each in (server, two):
            each.rate(0.5)  # until all processes have begun
        least, floor = least_seconds(server.requests, seconds), list[float]()
        half = half_load(
            "serve",
            rounds,
            lambda: server.rate(seconds),
            lambda rate: next_to_floor(server, rate, seconds, least, floor),
        )
        for _ in range(rounds):
            alone.append(server.rate_by_processor(seconds))
            both.append(two.rate_by_processor(seconds))
            for name, others in ((f"{IDLE:,} idle connections", idle), (f"{SLOW} that read no answer", slow)):
                disturbed, undisturbed = rates.setdefault(name, ([], []))
                undisturbed.append(server.rate(seconds))
                with others(server):
                    disturbed.append(server.rate(seconds))
            for how, times in (("pipelined", pipelined), ("one at a time", one_at_a_time)):
                with asking(server, how):
                    found = paced(server.host, server.port, server.requests, connections=1, rate=PROBES_A_SECOND,
                                  seconds=seconds)  # fmt: skip
                times.append(percentile(found, 99))
                print(f"p99 of another client next to {AT_ONCE} {how}: {1e3 * times[-1]:.2f} ms")
    finally:
        server.close()
        two.close()
    return [
        half,
        Figure(name="serve at half load: p99", ours=half.ours, peer="that of the floor", theirs=floor,
               aim=MOST_OF_FLOOR, at_least=False),
        Figure(name="serve --workers 2: requests/CPU s", ours=both, peer="one process", theirs=alone,
               aim=LEAST_WORKERS),
        *(
            Figure(name=f"serve with {name}: requests/s", ours=disturbed, peer="without", theirs=undisturbed,
                   aim=LEAST_RATE)
            for name, (disturbed, undisturbed) in rates.items()
        ),
        Figure(name=f"p99 next to a client that sends {AT_ONCE} at once", ours=pipelined,
               peer=f"{AT_ONCE} clients", theirs=one_at_a_time, aim=MOST_PIPELINED, at_least=False),
    ]  # fmt: skip


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    parser.add_argument("--at", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask:
        ask(options.ask, options.at[0], int(options.at[1]))
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4 * IDLE), most))  # servers inherit it
    report([*of_serve(options.rounds, options.seconds), of_run(options.rounds, options.seconds)], options)


if __name__ == "__main__":
    main()
