"""Activities that end their process: their attempts are counted all the same."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from statefun_actors.admin import read_entities
from statefun_actors.engine import AskAttempts, attempts_at, open_asks
from statefun_actors.store import open_reader
from tests.cli.commands import program
from tests.conversations.ended_by_activities import DEADLINE, DIES, ENDS, Order


def live(folder: Path, *timeout: str) -> int:
    """One life of the program; its exit code."""
    calls = {**os.environ, "CALLS": str(folder / "calls")}
    module = "tests.conversations.ended_by_activities"
    with program(module, str(folder / "store.db"), *timeout, environment=calls) as process:
        return process.wait(2 * DEADLINE)


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


pytestmark = pytest.mark.timeout(60)
