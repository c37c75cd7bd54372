"""Activities that end their process: their attempts are counted all the same."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from statefun_actors import Entity, NoAnswer, Runtime, activity, answers, handles, persisted
from statefun_actors.admin import read_entities
from statefun_actors.engine import AskAttempts, attempts_at, open_asks
from statefun_actors.store import open_reader

DIES = 7
ENDS = 0
DEADLINE = 30.0


class Order(Entity, typename="killed/order"):
    seen: str = persisted(default="")

    @handles(float)
    def place(self, timeout: float) -> None:
        target = charge if timeout >= 1 else charge_later
        self.ask(target, timeout, then=self.charged, timeout=timedelta(seconds=timeout))

    @answers
    def charged(self, answer: bool | NoAnswer) -> None:
        self.seen = f"{answer.reason}: {answer.error}" if isinstance(answer, NoAnswer) else str(answer)


@activity("killed/charge", attempts=3, backoff=0.01)
def charge(message: float, key: str) -> None:
    with Path(os.environ["CALLS"]).open("a") as calls:
        calls.write(f"{key}\n")
    os._exit(DIES)


@activity("killed/charge-later", attempts=3, backoff=60)
def charge_later(message: float, key: str) -> None:
    charge(message, key)


def live(folder: Path, *timeout: str) -> int:
    """One life of the program at the end of this file; its exit code."""
    program = [sys.executable, "-m", __name__, str(folder / "store.db"), *timeout]
    top = Path(__file__).parents[2]
    return subprocess.run(program, cwd=top, env={**os.environ, "CALLS": str(folder / "calls")}, check=False).returncode


def seen(folder: Path) -> str:
    ((_, order),) = read_entities(folder / "store.db", Order)
    return order.seen


def attempts_so_far(folder: Path) -> AskAttempts | None:
    with closing(open_reader(folder / "store.db")) as store:
        (ask,) = open_asks(store)
        return attempts_at(store, ask)


def test_an_attempt_that_ends_the_process_counts(tmp_path: Path) -> None:
    exits, attempts = [live(tmp_path, "60")], [attempts_so_far(tmp_path)]
    exits.append(live(tmp_path))
    attempts.append(attempts_so_far(tmp_path))
    exits += [live(tmp_path), live(tmp_path)]

    assert exits == [DIES, DIES, DIES, ENDS]
    assert attempts == [
        AskAttempts(1, "", None),
        AskAttempts(2, "AttemptCutShortError: the process ended while attempt 1 was running", None),
    ]
    assert seen(tmp_path) == "failed: AttemptCutShortError: the process ended while attempt 3 was running"
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(calls) == 3
    assert len(set(calls)) == 1


def test_no_attempt_begins_after_a_timeout_that_passed_while_no_process_ran(tmp_path: Path) -> None:
    exits = [live(tmp_path, "0.001"), live(tmp_path)]

    assert exits == [DIES, ENDS]
    assert seen(tmp_path) == "timeout: "
    assert len((tmp_path / "calls").read_text().splitlines()) == 1


def main(store: str, *timeouts: str) -> None:
    with Runtime(Order, charge, charge_later, store=store) as runtime:
        for timeout in timeouts:
            runtime.tell(Order.at("o"), float(timeout))
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end and not runtime.state(Order.at("o")).seen:
            time.sleep(0.01)  # between two looks


if __name__ == "__main__":
    main(*sys.argv[1:])


pytestmark = pytest.mark.timeout(60)
