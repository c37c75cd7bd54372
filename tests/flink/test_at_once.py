"""Which cases run again, alone: those that failed by what ran at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.conformance.engine import Can, Start
from tests.conformance.sections import Case
from tests.flink.at_once import CasesAtOnce
from tests.flink.conformance import CrowdedError, JobFailedError
from tests.flink.jvm import FlinkError

Trial = Callable[..., tuple[Case, CasesAtOnce, list[int]]]


@pytest.fixture
def trial() -> Iterator[Trial]:
    opened: list[CasesAtOnce] = []

    def start(error: Exception, *needs: Can) -> tuple[Case, CasesAtOnce, list[int]]:
        runs: list[int] = []

        async def fails_once(_: Start) -> None:
            runs.append(len(runs) + 1)
            if len(runs) == 1:
                raise error

        case = Case("X1", "a case that fails the first time", fails_once, frozenset(needs))
        cases = CasesAtOnce([case])
        opened.append(cases)
        return case, cases, runs

    yield start
    for cases in opened:
        cases.close()


@pytest.mark.parametrize("error", [CrowdedError("joined"), JobFailedError("failed")])
def test_a_case_that_others_disturbed_runs_again(trial: Trial, error: Exception) -> None:
    case, cases, runs = trial(error)

    cases.result(case)

    assert runs == [1, 2]


def test_a_case_with_expiring_states_runs_again(trial: Trial) -> None:
    case, cases, runs = trial(AssertionError("late"), Can.EXPIRE)

    cases.result(case)

    assert runs == [1, 2]


@pytest.mark.parametrize("error", [AssertionError("wrong"), FlinkError("60 s went by"), ValueError("wrong")])
def test_another_failure_is_final(trial: Trial, error: Exception) -> None:
    case, cases, runs = trial(error)

    with pytest.raises(type(error), match=str(error)):
        cases.result(case)

    assert runs == [1]
