"""The choice of cases that run again alone: those that other cases may have disturbed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.conformance.engine import Can, Start
from tests.conformance.sections import Case
from tests.flink.at_once import CasesAtOnce
from tests.flink.case_run import SLOWER, CrowdedError, EarlyError, JobFailedError
from tests.flink.jvm import FlinkError

Trial = Callable[..., tuple[Case, CasesAtOnce, list[float]]]


@pytest.fixture
def trial() -> Iterator[Trial]:
    """Starts a case that fails its first run with an error; returns the slowness of each run."""
    opened: list[CasesAtOnce] = []

    def start(error: Exception, *needs: Can) -> tuple[Case, CasesAtOnce, list[float]]:
        runs: list[float] = []

        async def fails_once(_: Start) -> None:
            runs.append(SLOWER.get())
            if len(runs) == 1:
                raise error

        case = Case("X1", "a case that fails the first time", fails_once, frozenset(needs))
        cases = CasesAtOnce([case])
        opened.append(cases)
        return case, cases, runs

    yield start
    for cases in opened:
        cases.close()


@pytest.mark.parametrize("error", [CrowdedError("joined"), EarlyError("early"), JobFailedError("failed")])
def test_a_case_that_others_disturbed_runs_again(trial: Trial, error: Exception) -> None:
    case, cases, runs = trial(error)

    cases.result(case)

    assert runs == [1, 3]


def test_a_case_with_expiring_states_runs_again(trial: Trial) -> None:
    case, cases, runs = trial(AssertionError("late"), Can.EXPIRE)

    cases.result(case)

    assert runs == [1, 3]


@pytest.mark.parametrize("error", [AssertionError("wrong"), FlinkError("60 s went by"), ValueError("wrong")])
def test_another_failure_is_final(trial: Trial, error: Exception) -> None:
    case, cases, runs = trial(error)

    with pytest.raises(type(error), match=str(error)):
        cases.result(case)

    assert runs == [1]
