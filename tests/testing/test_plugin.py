"""The pytest plugin: each test runs pytest on a small file of tests, in this process."""

from __future__ import annotations

import importlib
import subprocess
import sys
from importlib import metadata

import pytest

importlib.import_module(
    "statefun_actors.testing.pytest_support"
)  # pytester unloads what only inner tests have imported

pytest_plugins = ["pytester"]

BANK = """
from statefun_actors import Entity, handles, persisted
from statefun_actors.testing import Sent

seen = []

class Account(Entity, typename="plugin/account"):
    balance: int = persisted(default=0)

    @handles(int)
    def deposit(self, cents: int) -> int:
        self.balance += cents
        return self.balance

    @handles(str)
    def forget_the_rest(self, message: str) -> None:
        seen.append(message)
        self.balance = len(seen)
"""
ALONE = ("-p", "no:asyncio", "-p", "no:anyio")


def run(pytester: pytest.Pytester, tests: str, *options: str) -> pytest.RunResult:
    """Run *tests* with the entities of BANK in its module."""
    pytester.makepyfile(test_it=BANK + tests)
    return pytester.runpytest_inprocess("-p", "statefun_actors.pytest_plugin", "-p", "no:cacheprovider", *options)


USE = """
async def test_runtime(runtime):
    assert await runtime.ask(Account.at("ada"), 5, int) == 5
    assert runtime.state(Account.at("ada")) == Account(balance=5)
"""


def test_the_package_brings_it_to_pytest() -> None:
    found = metadata.entry_points(group="pytest11", name="statefun_actors.pytest_plugin")

    assert [each.value for each in found] == ["statefun_actors.pytest_plugin"], "install again: pip install -e '.[dev]'"


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


def test_async_tests_run_without_another_plugin(pytester: pytest.Pytester) -> None:
    run(pytester, USE + "async def test_plain(): assert False\n", *ALONE).assert_outcomes(passed=1, failed=1)


def test_async_tests_run_under_pytest_asyncio(pytester: pytest.Pytester) -> None:
    marked = "import pytest\npytestmark = pytest.mark.asyncio\n" + USE
    options = ("-p", "asyncio", "-p", "no:anyio", "-o", "asyncio_default_fixture_loop_scope=function")

    run(pytester, marked, *options).assert_outcomes(passed=1)
    run(pytester, USE, *options, "--asyncio-mode=auto").assert_outcomes(passed=1)


def test_async_tests_run_under_anyio(pytester: pytest.Pytester) -> None:
    marked = "import pytest\npytestmark = pytest.mark.anyio\n@pytest.fixture\ndef anyio_backend(): return 'asyncio'\n"

    run(pytester, marked + USE, "-p", "no:asyncio").assert_outcomes(passed=1)


def test_async_tests_run_under_unittest(pytester: pytest.Pytester) -> None:
    tests = """
import unittest
from statefun_actors.testing import TestRuntime

class Tests(unittest.IsolatedAsyncioTestCase):
    async def test_ask(self) -> None:
        async with TestRuntime(Account) as runtime:
            self.assertEqual(await runtime.ask(Account.at("ada"), 5, int), 5)
"""
    run(pytester, tests, *ALONE).assert_outcomes(passed=1)
    pytester.makepyfile(under_unittest=BANK + tests + "\nunittest.main()\n")
    done = subprocess.run(
        [sys.executable, "under_unittest.py"], cwd=pytester.path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_async_tests_of_hypothesis_run(pytester: pytest.Pytester) -> None:
    tests = """
import asyncio
from hypothesis import given, strategies as st

@given(st.integers(0, 3))
async def test_number(number):
    await asyncio.sleep(0)
    assert number < 3
"""
    result = run(pytester, tests, *ALONE)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*number=3,*"])


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


def test_the_report_of_a_failed_test_has_the_messages_of_its_runtimes_only(pytester: pytest.Pytester) -> None:
    tests = """
from statefun_actors.testing import TestRuntime

async def test_passes(runtime):
    await runtime.tell(Account.at("first"), 1)

async def test_fails():
    for id in ("second", "third"):
        async with TestRuntime(Account) as runtime:
            await runtime.tell(Account.at(id), 2)
    assert False
"""
    result = run(pytester, tests, *ALONE)

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*- statefun messages of runtime 1 -*",
            "   0:00:00  outside -> plugin/account/second: 2",
            "   0:00:00  plugin/account/second.balance: absent -> 2",
            "*- statefun messages of runtime 2 -*",
            "   0:00:00  outside -> plugin/account/third: 2",
        ]
    )
    assert "plugin/account/first" not in result.stdout.str()


def test_a_failed_comparison_shows_the_fields_that_differ(pytester: pytest.Pytester) -> None:
    tests = """
from statefun_actors import Address

def test_entity():
    assert Account(balance=1) == Account(balance=2)

def test_effects():
    sent = [Sent(Address("a/b", "c"), {"cents": 5, "to": "x"}), Sent(Address("a/b", "d"), 1)]
    assert sent == [Sent(Address("a/b", "c"), {"cents": 6, "to": "x"})]

def test_plain():
    assert {"a": 1} == {"a": 2}
"""
    result = run(pytester, tests, *ALONE)

    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            "E       assert Account(balance=1) == Account(balance=2)",
            "E         balance: 1 != 2",
            "E         length: 2 items != 1 items",
            "E         [[]0].message*cents*: 5 != 6",
            "E         [[]1]: only on the left: Sent(target=Address('a/b', 'd'), message=1)",
            "E         Differing items:",
        ]
    )


def test_it_imports_nothing_else_of_the_package() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import statefun_actors.pytest_plugin; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["statefun_actors", "statefun_actors.pytest_plugin"]
