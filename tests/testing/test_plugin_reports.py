"""The pytest plugin's part of a report: messages and fields; and how it is loaded."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest

from statefun_actors.testing.pytest_support.comparison import explained
from tests.testing.inner_tests import ALONE, run

pytest_plugins = ["pytester"]


def test_the_package_brings_it_to_pytest() -> None:
    found = metadata.entry_points(group="pytest11", name="statefun_actors.pytest_plugin")

    assert [each.value for each in found] == ["statefun_actors.pytest_plugin"], "install again: pip install -e '.[dev]'"


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


def test_values_of_a_class_without_a_module_are_left_to_pytest() -> None:
    loose = type("Loose", (), {"__module__": None})

    assert explained(loose(), loose()) is None
