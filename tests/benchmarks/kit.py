"""The cost of the test kit in a test run: ``python -m tests.benchmarks.kit [--rounds 5]``.

- Processor time of pytest until the first test begins, where that uses the kit, next to a bare pytest with an empty
  test: the same command without the plugin of statefun-actors. At most 0.5 s more.
- 1,000 ``given(...).when(...)``, next to calls of the same handler on a plain object, as many times. At most 2 times
  as long, and 1 s more.

Each round measures ours and the peer, one after the other; processor time counts.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from statefun_actors import Entity, handles, message, persisted
from statefun_actors.testing import given
from tests.benchmarks.figures import Figure, parser_of, report

ROOT: Final = Path(__file__).parents[2]
MORE_SECONDS: Final = 0.5
CALLS: Final = 1_000

_CONFTEST: Final = """
import time
import pathlib
def pytest_runtest_setup(item):
    pathlib.Path("begun").write_text(str(time.process_time()))
"""
_EMPTY: Final = """
def test_nothing():
    pass
"""
_OURS: Final = """
from statefun_actors import Entity, handles, persisted
from statefun_actors.testing import TestRuntime, given

class Account(Entity, typename="kit/account"):
    balance: int = persisted(default=0)

    @handles
    def deposit(self, cents: int) -> int:
        self.balance += cents
        return self.balance

async def test_deposit(runtime):
    assert await runtime.ask(Account.deposit, "ada", 5) == 5
"""


@message("kit/deposit")
class Deposit:
    cents: int


class Account(Entity, typename="kit/account"):
    balance: int = persisted(default=0)
    history: list[str] = persisted(factory=list)

    @handles
    def deposit(self, message: Deposit) -> int:
        self.balance += message.cents
        self.history.append("deposit")
        return self.balance


class Plain:
    """The fields of an account, without what an Entity does."""

    def __init__(self) -> None:
        self.balance = 300
        self.history: list[str] = []

    deposit = Account.deposit


def until_the_first_test(folder: Path, test: str, *arguments: str) -> float:
    """Seconds of processor time of pytest until *test* begins."""
    (folder / "conftest.py").write_text(_CONFTEST, encoding="utf-8")
    (folder / "test_it.py").write_text(test, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments]
    subprocess.run(command, check=True, cwd=folder, capture_output=True)
    return float((folder / "begun").read_text(encoding="utf-8"))


def first_tests(rounds: int) -> tuple[list[float], list[float]]:
    """Seconds until the first test with the kit, and until an empty one under bare pytest."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs = []
        for number in range(rounds + 1):
            pair = (
                until_the_first_test(folder, _OURS),
                until_the_first_test(folder, _EMPTY, "-p", "no:statefun_actors.pytest_plugin"),
            )
            if number:  # the first one writes the caches of modules
                pairs.append(pair)
    return [ours for ours, _ in pairs], [bare for _, bare in pairs]


def calls() -> tuple[float, float]:
    """Seconds of processor time of 1,000 ``given/when``, and of as many bare calls of the handler."""
    began = time.process_time()
    for _ in range(CALLS):
        assert given(Account, "ada", balance=300).when(Deposit(200)).reply == 500
    between = time.process_time()
    for _ in range(CALLS):
        assert Plain().deposit(Deposit(200)) == 500  # type: ignore[misc] # it stands for an account
    return between - began, time.process_time() - between


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    ours, bare = first_tests(options.rounds)
    for with_kit, empty in zip(ours, bare, strict=True):
        print(f"until the first test: {with_kit:.3f} s, empty {empty:.3f} s, {with_kit / empty:.2f} x")
    rounds = [calls() for _ in range(options.rounds)]
    for kit, plain in rounds:
        print(f"{CALLS:,} given/when: {kit:.3f} s, bare calls {plain:.4f} s")
    report(
        [
            Figure(
                name="until the first test with the kit: seconds more",
                ours=[with_kit - empty for with_kit, empty in zip(ours, bare, strict=True)],
                peer="an empty test, bare pytest",
                aim=MORE_SECONDS,
                at_least=False,
                unit="s",
            ),
            Figure(
                name=f"{CALLS:,} given/when: seconds beyond 2 x bare calls",
                ours=[kit - 2 * plain for kit, plain in rounds],
                peer="bare calls of the handler",
                aim=1,
                at_least=False,
                unit="s",
            ),
        ],
        options,
    )


if __name__ == "__main__":
    main()
