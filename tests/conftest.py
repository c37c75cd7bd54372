"""Set-up of all tests: ``async def`` tests, time limits, workers, and reproducible property tests.

``--hypothesis-profile=full`` tries ten times as many examples of each property, and ``explore`` many more, at random.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import sys
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import hypothesis
import pytest

from tests.last_use import FLINK, FLINK_OVER_KAFKA, KAFKA, end_all_of
from tests.needs import check
from tests.stop_signals import hear_stop_signals

# Containers often set PYTHONDONTWRITEBYTECODE. Each of the hundreds of processes that tests start would then compile
# the whole package first, and each worker every test: a quarter of the suite's time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# The collection of tests makes a million objects that stay. To look at them for garbage, again and again, is two fifths
# of its time. pytest_collection_finish ends that.
gc.disable()

_STEADY = hypothesis.settings(deadline=None, derandomize=True, database=None, max_examples=40)
hypothesis.settings.register_profile("steady", _STEADY)
hypothesis.settings.register_profile("brief", _STEADY, max_examples=10)
hypothesis.settings.register_profile("full", _STEADY, max_examples=400)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=2_000)
hypothesis.settings.load_profile("steady")

LONG_SECONDS: Final = 900
"""The time limit of slow tests, and of those that may be the first to start Flink or Kafka, and to fetch it."""

LONGEST_ID: Final = 200
"""Characters of a text in the id of a test."""

# So that a failing case of conformance shows its values. Here, since other rooms import cases, too, and may be first.
pytest.register_assert_rewrite("tests.conformance.cases")

_LEFT: Final = pytest.StashKey[Counter[str]]()
"""How many tests of each group have not run yet."""


def pytest_configure() -> None:
    hear_stop_signals()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Two workers more than there are cores: many tests wait, for Kafka, for Flink or for a timeout.

    None where single files or tests are named: output, a debugger and a quick answer are wanted there.
    """
    named = [Path(argument.partition("::")[0]) for argument in config.args]
    if not all(path.is_dir() for path in named):
        return 0
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None  # pytest-xdist reads it
    return 2 + (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def pytest_make_parametrize_id(val: object) -> str | None:
    """The beginning of a long text: each worker sends the ids of all tests, and one was of two million characters."""
    match val:
        case str() if len(val) > LONGEST_ID:
            return f"{val[:LONGEST_ID]}... of {len(val)}"
        case bytes() if len(val) > LONGEST_ID:
            return f"{val[:LONGEST_ID].decode('latin-1')}... of {len(val)}"
        case _:
            return None  # pytest's own


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give slow tests their time limit, and group the tests that must run in one worker.

    One Flink serves all tests that need one; so do one Kafka broker, and one Flink over Kafka. What tests of a file
    share is made once.
    """
    for item in items:
        slow, flink, kafka = (item.get_closest_marker(name) is not None for name in ("slow", "flink", "kafka"))
        if (slow or flink or kafka) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(LONG_SECONDS))
        if item.get_closest_marker("xdist_group") is None and (group := _group(item, flink=flink, kafka=kafka)):
            item.add_marker(pytest.mark.xdist_group(group))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Count the tests of each group, for the end of what they share.

    Refuse a pytest whose node ids pytest-xdist can't extend: each worker would start a Flink and a broker.
    """
    gc.enable()
    gc.freeze()  # what was collected is not looked at in tests either
    session.config.stash[_LEFT] = Counter(filter(None, map(_group_of, session.items)))
    if session.config.getoption("loadgroup", default=False):
        for item in session.items:
            if item.get_closest_marker("xdist_group") is not None and "@" not in item.nodeid.rpartition("]")[2]:
                raise pytest.UsageError("pytest-xdist ignores groups with this pytest; pip install -e '.[dev]'")


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Forget its modules; end what the tests of a group share after the last of them, which all run in one worker."""
    try:
        return (yield)
    finally:
        _forget_temporary_modules(item)
        if (group := _group_of(item)) is not None:
            left = item.config.stash[_LEFT]
            left[group] -= 1
            if left[group] == 0:
                end_all_of(group)


def _group_of(item: pytest.Item) -> str | None:
    mark = item.get_closest_marker("xdist_group")
    return None if mark is None else str(mark.args[0])


def _group(item: pytest.Item, *, flink: bool, kafka: bool) -> str | None:
    """The group of tests that run in the same worker as *item*; None where it may run in any."""
    if flink or kafka:
        return FLINK_OVER_KAFKA if flink and kafka else FLINK if flink else KAFKA
    found = item._fixtureinfo.name2fixturedefs.values() if isinstance(item, pytest.Function) else ()
    shares = any(
        each[-1].baseid and each[-1].scope != "function" for each in found if each
    )  # pytest's own have no baseid
    return item.nodeid.partition("::")[0] if shares else None


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, object, object]:
    """Escape texts that a worker can't send: a captured log or a failure may hold half a surrogate pair."""
    return _encodable((yield))


def _encodable(data: object) -> object:
    match data:
        case str():
            return data if data.isascii() else data.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {key: _encodable(value) for key, value in data.items()}
        case list() | tuple():
            return type(data)(_encodable(each) for each in data)
        case _:
            return data


def _forget_temporary_modules(item: pytest.Item) -> None:
    """Remove modules that lie in a temporary folder from ``sys.modules`` and ``sys.path``.

    A command that runs in this process imports its APP. Otherwise the next test of this worker that writes an
    ``app.py`` would import the file of this one. (As a fixture of each test it would take longer than many tests.)
    """
    factory: pytest.TempPathFactory = item.config._tmp_path_factory  # type: ignore[attr-defined]
    temporary = str(factory.getbasetemp())
    if any(folder.startswith(temporary) for folder in sys.path):  # the loader puts the folder of an APP there
        sys.path[:] = [folder for folder in sys.path if not folder.startswith(temporary)]
        for name, module in list(sys.modules.items()):
            if any(place.startswith(temporary) for place in _places(module)):
                del sys.modules[name]


def _places(module: ModuleType) -> list[str]:
    """The file of *module*, and the folders of a package."""
    file = getattr(module, "__file__", None)
    return [*([] if file is None else [file]), *map(str, getattr(module, "__path__", ()))]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests whose needs this machine lacks; under ``CI=true`` they fail."""
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
