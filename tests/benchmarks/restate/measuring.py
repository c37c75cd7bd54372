"""Measurements: rates, where all messages are handled and counted in the end, latencies, bytes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence

import attrs

from tests.benchmarks.restate.load import send
from tests.benchmarks.restate.servers import Server

CONNECTIONS = 32


@attrs.frozen
class Rate:
    """Invocations a second, from the first request until all were handled; what each cost.

    Those that a relay's messages cause are not counted, those that ask whether all is handled are.
    """

    a_second: float
    bytes_each: float
    """Bytes written to disk."""
    cpu_each: float
    """Seconds of processors, of all the server's processes: what tells most where others use the machine, too."""


class Ledger:
    """The expected value of each counter of a server: every acknowledged message counts once."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.expected: dict[str, int] = defaultdict(int)
        """What each counter must have come to."""

    def sent(self, keys: Sequence[str], seconds: float, *, by_relay: bool = False) -> Rate:
        """Add 1 to each of *keys*, in turns, or have relays do it, and wait until all of it is handled.

        Raises:
            AssertionError: a counter went past what was sent to it.
        """
        server = self.server
        key_of = {server.forward(key, 1) if by_relay else server.add(key, 1, answer=False): key for key in keys}
        before = _Used(server)
        load = send(server.host, server.port, list(key_of), connections=CONNECTIONS, seconds=seconds)
        for asked, count in load.sent.items():
            self.expected[key_of[asked]] += count
        touched = sorted({key_of[asked] for asked in load.sent})
        invocations = load.answered + self._handled(touched)
        return before.rate(invocations)

    def replied(self, keys: Sequence[str], seconds: float) -> Rate:
        """Add 1 to each of *keys*, in turns, and wait for the new total each time."""
        server = self.server
        key_of = {server.add(key, 1, answer=True): key for key in keys}
        before = _Used(server)
        load = send(server.host, server.port, list(key_of), connections=CONNECTIONS, seconds=seconds)
        for asked, count in load.sent.items():
            self.expected[key_of[asked]] += count
        rate = before.rate(load.answered)
        self._handled(sorted({key_of[asked] for asked in load.sent}))
        return rate

    def _handled(self, keys: list[str]) -> int:
        """Ask the counters until they have the expected values; return the number of asks."""
        server, left, asked = self.server, keys, 0
        while left:
            asked += len(left)
            key_of = {server.add(key, 0, answer=True): key for key in left}
            load = send(server.host, server.port, list(key_of), connections=CONNECTIONS, seconds=None)
            got = {key_of[each]: total for each, total in load.numbers.items()}
            for key, total in got.items():
                assert total <= self.expected[key], f"{server.name}: {key} is {total}, of {self.expected[key]} sent"
            left = [key for key, total in got.items() if total < self.expected[key]]
        return asked


def latencies(server: Server, seconds: float) -> list[float]:
    """Of requests one at a time, each answered with the total, in seconds, sorted."""
    asked = [server.add("alone", 0, answer=True)]
    return send(server.host, server.port, asked, connections=1, seconds=seconds, times=True).latencies


class _Used:
    """The resources that a server has used until now."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._began, self._bytes, self._cpu = self._now()

    def rate(self, invocations: int) -> Rate:
        """The resources used since then, for each of this number."""
        now, written, cpu = self._now()
        return Rate(
            invocations / (now - self._began), (written - self._bytes) / invocations, (cpu - self._cpu) / invocations
        )

    def _now(self) -> tuple[float, int, float]:
        processes = self._server.processes
        written, cpu = sum(each.written() for each in processes), sum(each.cpu_seconds() for each in processes)
        return time.perf_counter(), written, cpu


def memory(server: Server) -> int:
    """Bytes, of all its processes."""
    return sum(process.memory() for process in server.processes)
