"""Runs of pytest with the plugin, in this process, on a small file of tests."""

from __future__ import annotations

import importlib

import pytest

importlib.import_module(
    "statefun_actors.testing.pytest_support"
)  # pytester unloads what only inner tests have imported


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
