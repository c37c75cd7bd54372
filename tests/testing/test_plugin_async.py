"""The pytest plugin runs async tests: by itself, and beside other plugins."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.testing.inner_tests import ALONE, BANK, run

pytest_plugins = ["pytester"]

USE = """
async def test_runtime(runtime):
    assert await runtime.ask(Account.at("ada"), 5, int) == 5
    assert runtime.state(Account.at("ada")) == Account(balance=5)
"""


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
