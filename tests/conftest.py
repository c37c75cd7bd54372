"""What every test gets: ``async def`` tests, what they need, and properties that fail the same way for everyone.

``python -m pytest --hypothesis-profile=explore`` looks further, at random, for counterexamples.
"""

from __future__ import annotations

import asyncio
import inspect
import signal
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest

from tests.needs import check

hypothesis.settings.register_profile("steady", deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=2_000)
hypothesis.settings.register_profile("brief", hypothesis.settings.get_profile("steady"), max_examples=20)
hypothesis.settings.load_profile("steady")


def pytest_configure() -> None:
    """Processes that tests start hear the signals that stop them, also where this one was started not to hear them.

    A shell has what it runs in the background ignore Ctrl-C, and ``nohup`` SIGHUP; programs hand that on. A handler of
    Python's is not handed on, and this one leaves it at that here.
    """
    for number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or fail under ``CI=true``, what this machine lacks something for."""
    for mark in item.iter_markers("needs"):
        for name in mark.args:
            check(name)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an ``async def`` test in an event loop of its own; leave the others to pytest."""
    test: Callable[..., Any] = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    asyncio.run(test(**{name: pyfuncitem.funcargs[name] for name in inspect.signature(test).parameters}))
    return True
