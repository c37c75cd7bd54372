"""A program on the real Flink, with crashes of its job on the way."""

from __future__ import annotations

import itertools
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from random import Random

import attrs

from statefun_actors import Address
from tests.flink.jvm import WAIT_SECONDS
from tests.flink.seen import Flink, seen_in
from tests.flink.smoke.commands import Commands, Outcome, Program, SendAfter, Verify, outcome
from tests.flink.smoke.interpreters import TYPENAMES
from tests.flink.smoke.programs import LONGEST_MS, program

_LAST = 1 << 40
"""The number of what is sent after the program."""


@attrs.frozen
class Smoke:
    """A program and its result. ``wrong`` is empty if the result is right."""

    addresses: int
    messages: int
    crashes: int
    repeated: int
    """Records that came out more than once, since Flink had to do their batches again."""
    rounds: int
    """How often every interpreter was asked for its state, until all that was under way had arrived."""
    wrong: Sequence[str]

    def __str__(self) -> str:
        done = f"{self.messages} messages to {self.addresses} addresses, {self.crashes} crashes"
        told = f"{self.repeated} records repeated, {self.rounds} rounds of asking"
        return "\n".join([f"{done}: {told}", *(self.wrong or ["all is as it should be"])])


def smoke(flink: Flink, *, ids: int, messages: int, crashes: int, seed: int) -> Smoke:
    """Run a random program: *messages* from outside to *ids* of each interpreter."""
    addresses = [flink.at(typename, str(at)) for typename in TYPENAMES for at in range(ids)]
    written = program(Random(seed), addresses, messages)
    expected = outcome(written)
    run = _Run(flink, addresses, expected)
    run.send(written, crashes)
    rounds = run.ask_until_arrived()
    run.outlast_delays()
    wrong = run.wrong(rounds + 1)
    carried_out = sum(what == "carried out" for what, _ in expected.told)
    return Smoke(len(addresses), carried_out, crashes, run.repeated(), rounds, wrong)


class _Run:
    def __init__(self, flink: Flink, addresses: Sequence[Address], expected: Outcome) -> None:
        self._flink, self._addresses, self._expected = flink, addresses, expected
        self._states = expected.states_told(addresses)
        self._read = 0
        self._told: Counter[tuple[str, int]] = Counter()
        self._rounds: defaultdict[int, set[str]] = defaultdict(set)

    def send(self, program: Program, crashes: int) -> None:
        """All of it, with a crash in the midst of each part but the first."""
        flink = self._flink
        size = -(-len(program) // (crashes + 1))
        flink.send_all(program[:size])
        flink.checkpoint()
        for at in range(size, len(program), size):
            before = len(flink.records())
            flink.send_all(program[at : at + size])
            flink.wait_records(before + size // 4)
            flink.crash()

    def ask_until_arrived(self) -> int:
        """Return once everybody is where the program leads, or time is up; how often they were asked for it."""
        until = time.monotonic() + WAIT_SECONDS
        for round in itertools.count(1):
            there = self._ask(round) == self._states and self._expected.told <= self._told.keys()
            if there or time.monotonic() > until:
                return round
        raise AssertionError("unreachable")

    def outlast_delays(self) -> None:
        """Wait until all delayed messages have come, expected or not."""
        first = self._addresses[0]
        last = SendAfter(first, LONGEST_MS + 100, Commands(_LAST, []))
        self._flink.send(first, Commands(_LAST + 1, [last]))
        self._flink.until(lambda: ("carried out", _LAST) in self._all_told(), "what was delayed longest")

    def wrong(self, round: int) -> Sequence[str]:
        """The differences from the expected result."""
        states, expected = self._ask(round), self._expected.told
        told = {each for each in self._told if each[1] < _LAST}
        return [
            *(f"not the state: {state}" for state in sorted(states - self._states)),
            *(f"the state: {state}" for state in sorted(self._states - states)),
            *(f"never told: {what} {number}" for what, number in sorted(expected - told)),
            *(f"told, and shouldn't be: {what} {number}" for what, number in sorted(told - expected)),
        ]

    def repeated(self) -> int:
        return self._told.total() - len(self._told)

    def _ask(self, round: int) -> set[str]:
        """The reported states of this *round*."""
        flink, addresses = self._flink, self._addresses
        flink.send_all((address, Verify(round)) for address in addresses)
        flink.until(lambda: len(self._all_rounds()[round]) == len(addresses), "the state of everybody")
        return self._rounds[round]

    def _all_rounds(self) -> Mapping[int, set[str]]:
        self._read_on()
        return self._rounds

    def _all_told(self) -> Counter[tuple[str, int]]:
        self._read_on()
        return self._told

    def _read_on(self) -> None:
        """Collect the records since the last call."""
        records = self._flink.records()
        for record in records[self._read :]:
            _, what, number = seen_in(record)
            if ": " in what:
                self._rounds[number].add(what)
            elif what not in {"count", "total"}:  # of the counter that settles
                self._told[what, number] += 1
        self._read = len(records)
