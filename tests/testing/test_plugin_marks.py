"""The pytest plugin's marks, options and fixture: what a test of an application says and gets."""

from __future__ import annotations

import pytest

from tests.testing.inner_tests import ALONE, run

pytest_plugins = ["pytester"]


def test_the_mark_runtime_takes_one_class_and_stands_at_functions_and_classes(pytester: pytest.Pytester) -> None:
    tests = """
import pytest

class Other(Account, typename="plugin/other"):
    pass

def served(runtime):
    return sorted(runtime.app.typenames)

@pytest.mark.runtime(Other)
async def test_function(runtime):
    assert served(runtime) == ["plugin/other"]

@pytest.mark.runtime(Account)
class TestClass:
    async def test_method(self, runtime):
        assert served(runtime) == ["plugin/account"]

    @pytest.mark.runtime.with_args(Other)
    async def test_other(self, runtime):
        assert served(runtime) == ["plugin/other"]

@pytest.mark.runtime
async def test_bare(runtime):
    assert served(runtime) == ["plugin/account", "plugin/other"]

@pytest.mark.runtime(Account, twice=True)
async def test_options(runtime):
    assert served(runtime) == ["plugin/account"]

@pytest.mark.parametrize("number", [pytest.param(1, marks=pytest.mark.runtime(Other))])
async def test_parameter(runtime, number):
    assert served(runtime) == ["plugin/other"]
"""
    before = pytest.mark.runtime

    run(pytester, tests, "--strict-markers", *ALONE).assert_outcomes(passed=6)
    assert pytest.mark.runtime is before


def test_the_mark_says_what_runs_and_how(pytester: pytest.Pytester) -> None:
    tests = """
import pytest
from datetime import datetime, UTC

class Other(Account, typename="plugin/other"): ...

@pytest.mark.runtime(Other, start=datetime(2030, 1, 1, tzinfo=UTC))
class TestOther:
    async def test_it(self, runtime):
        assert runtime.app.typenames == ["plugin/other"]
        assert runtime.clock.now.year == 2030

async def test_all(runtime):
    assert runtime.app.typenames == ["plugin/account", "plugin/other"]
"""
    run(pytester, tests, *ALONE).assert_outcomes(passed=2)


def test_a_fixture_without_a_use_is_refused(pytester: pytest.Pytester) -> None:
    result = run(pytester, "def test_sync(runtime): ...\n", *ALONE)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["E*TypeError: the fixture `runtime` needs an `async def` test, got `def test_sync`: *"]
    )

    pytester.makepyfile(test_it="async def test_nothing(runtime): ...\n")
    result = pytester.runpytest_inprocess("-p", "statefun_actors.pytest_plugin", *ALONE)
    result.stdout.fnmatch_lines(
        [
            "E*TypeError: test_it imports nothing that the fixture `runtime` could run: import an Entity class or "
            "StatefulFunctions, or mark the test with pytest.mark.runtime(Account)"
        ]
    )


def test_the_fixture_runs_functions_and_activities_of_the_module(pytester: pytest.Pytester) -> None:
    tests = """
from unittest.mock import call
from statefun_actors import Address, Context, StatefulFunctions, activity

class Raises:
    def __getattr__(self, name):
        raise RuntimeError(name)

raises = Raises()
functions = StatefulFunctions()

@functions.bind("plugin/twice")
def twice(context: Context, message: int) -> None:
    context.pack_and_reply(2 * message)

@activity("plugin/thrice")
async def thrice(message: int) -> int:
    return 3 * message

async def test_both(runtime):
    assert await runtime.ask(Address("plugin/twice", "x"), 5, int) == 10
    assert await runtime.ask(thrice.at("x"), 5, int) == 15
"""
    run(pytester, tests, *ALONE).assert_outcomes(passed=1)


def test_a_hostile_test_runs_once_for_each_seed_and_the_option_chooses_one(pytester: pytest.Pytester) -> None:
    tests = """
import pytest

@pytest.mark.hostile(seeds=12)
async def test_sum(runtime):
    seen.clear()
    for _ in range(3):
        await runtime.tell(Account.at("ada"), "x")
    assert runtime.state(Account.at("ada")).balance == 3
"""
    result = run(pytester, tests, *ALONE, "-rf")
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] >= 1 <= outcomes["passed"]
    assert outcomes["failed"] + outcomes["passed"] == 12
    result.stdout.fnmatch_lines(["*- statefun messages -*", "*outside -> plugin/account/ada: 'x'*"])

    [failed, *_] = [line for line in result.outlines if line.startswith("FAILED")]
    seed = failed.partition("[seed ")[2].partition("]")[0]
    again = run(pytester, tests, *ALONE, "--statefun-seed", seed)
    again.assert_outcomes(failed=1)


def test_the_option_chooses_the_seed_of_simulations(pytester: pytest.Pytester) -> None:
    tests = """
import random
from statefun_actors.testing import simulate

async def scenario(runtime):
    seen.clear()
    for _ in range(3):
        await runtime.tell(Account.at("ada"), "x")

def test_sum():
    simulate(scenario, Account, seeds=50)
"""
    result = run(pytester, tests, *ALONE)
    result.assert_outcomes(failed=1)
    # CI's summary repeats the line.
    line = next(line for line in result.outlines if "SimulationError: seed " in line)
    seed = int(line.partition(": seed ")[2].partition(":")[0])
    assert "- statefun messages -" not in result.stdout.str()  # the error has the log already

    again = run(pytester, tests, *ALONE, "--statefun-seed", str(seed))
    assert line in again.outlines


def test_a_mark_that_is_written_wrongly_is_refused(pytester: pytest.Pytester) -> None:
    tests = "import pytest\n@pytest.mark.hostile(seed=3)\nasync def test_it(runtime): ...\n"

    result = run(pytester, tests, *ALONE)

    result.stdout.fnmatch_lines(["*TypeError: expected pytest.mark.hostile(seeds=10, faults=Faults()), got seed="])


def test_a_hostile_mark_on_a_test_without_the_fixture_is_refused(pytester: pytest.Pytester) -> None:
    tests = """
import unittest
import pytest
from statefun_actors.testing import TestRuntime

@pytest.mark.hostile(seeds=3)
async def test_it():
    async with TestRuntime(Account) as own:
        await own.tell(Account.at("ada"), 1)

class TestMethods(unittest.TestCase):
    @pytest.mark.hostile
    def test_method(self): ...

@pytest.mark.hostile(seeds=3)
class TestGroup:
    def test_of_a_marked_class(self): ...
    async def test_with_the_fixture(self, runtime): ...
"""
    result = run(pytester, tests, *ALONE)

    result.assert_outcomes(passed=4, errors=2)
    for name in ("test_it", "test_method"):
        assert (
            f"pytest.mark.hostile needs the fixture `runtime`, which {name} does not use, so nothing would inject "
            "faults: write `async def test(runtime)`, or remove the mark"
        ) in result.outlines
