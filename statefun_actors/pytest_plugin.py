"""The pytest plugin of statefun-actors: ``async def`` tests, a fixture ``runtime``, a mark ``hostile``, seeds, logs.

pytest imports it in every run of an environment in which statefun-actors is installed. So it imports the test kit only
for a test that uses it.
"""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from statefun_actors.testing import TestRuntime

_KIT = "statefun_actors.testing"


class _RuntimeMark:
    """``pytest.mark.runtime``, whose only argument may be an Entity class: pytest alone would mark that class."""

    def __init__(self, mark: pytest.MarkDecorator) -> None:
        self._mark = mark

    def __call__(self, *served: Any, **options: object) -> Any:
        if len(served) == 1 and not options and _is_test(served[0]):  # it is written without parentheses
            return self._mark(served[0])
        return self._mark.with_args(*served, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mark, name)


def _is_test(marked: object) -> bool:
    if inspect.isclass(marked):
        return not hasattr(marked, "__function_type__")  # that of Entity classes
    return isinstance(marked, types.FunctionType | staticmethod | classmethod)


_MARK_BEFORE = pytest.StashKey[Any]()
"""What stood in the place of the mark, as in a run of pytest inside a test."""

pytest.register_assert_rewrite("statefun_actors.testing.checks")  # so that a failed check shows its values


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--statefun-seed``."""
    group = parser.getgroup("statefun-actors")
    group.addoption(
        "--statefun-seed",
        type=int,
        metavar="N",
        help="the only seed of faults that simulate() and tests marked as hostile use: to repeat a failed run",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Describe the marks, let the mark ``runtime`` take one class, and set the seed."""
    config.addinivalue_line(
        "markers",
        "runtime(*served, **options): what the fixture `runtime` runs, and other arguments of TestRuntime. Without it: "
        "all Entity classes, StatefulFunctions and activities in the test's module.",
    )
    config.addinivalue_line(
        "markers",
        "hostile(seeds=10, faults=None): run the test once for each seed, with a fixture `runtime` under its faults.",
    )
    config.stash[_MARK_BEFORE] = vars(pytest.mark).pop("runtime", None)
    vars(pytest.mark)["runtime"] = _RuntimeMark(pytest.mark.runtime)
    if (seed := config.getoption("statefun_seed")) is not None:
        from statefun_actors.testing.pytest_support import force_seed

        force_seed(seed)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Forget the mark and the seed."""
    if _MARK_BEFORE in config.stash:
        del vars(pytest.mark)["runtime"]
        if (before := config.stash[_MARK_BEFORE]) is not None:
            vars(pytest.mark)["runtime"] = before
    if config.getoption("statefun_seed") is not None:
        from statefun_actors.testing.pytest_support import force_seed

        force_seed(None)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that is marked as hostile once for each seed."""
    mark = metafunc.definition.get_closest_marker("hostile")
    if mark is not None and "runtime" in metafunc.fixturenames:
        from statefun_actors.testing.pytest_support import hostile_runs

        runs = hostile_runs(mark)
        metafunc.parametrize("runtime", runs, ids=[f"seed {run.seed}" for run in runs], indirect=True)


@pytest.fixture
def runtime(request: pytest.FixtureRequest) -> Iterator[TestRuntime]:
    """A TestRuntime that runs during the test. ``pytest.mark.runtime(Account, ...)`` says what it serves."""
    from statefun_actors.testing.pytest_support import runtime_during

    with runtime_during(request.node, getattr(request, "param", None)) as running:
        yield running


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a test whose mark has no effect. Forget the runtimes of the test before."""
    # A mark of a module or a class is for those of its tests that use the fixture.
    if "runtime" not in getattr(item, "fixturenames", ()) and any(mark.name == "hostile" for mark in item.own_markers):
        pytest.fail(
            f"pytest.mark.hostile needs the fixture `runtime`, which {item.name} does not use, so nothing would inject "
            "faults: write `async def test(runtime)`, or remove the mark",
            pytrace=False,
        )
    if _KIT in sys.modules:
        from statefun_actors.testing.pytest_support import forget_runtimes

        forget_runtimes()


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an ``async def`` test that no other plugin runs in an event loop of asyncio."""
    test: Any = pyfuncitem.obj
    inner = getattr(getattr(test, "hypothesis", None), "inner_test", None)
    if not inspect.iscoroutinefunction(test) and not inspect.iscoroutinefunction(inner):
        return None
    import asyncio

    if inner is not None:  # of Hypothesis, which calls it once for each example, from a function that is not async
        test.hypothesis.inner_test = lambda *args, **kwargs: asyncio.run(inner(*args, **kwargs))
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(test(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the message logs of its runtimes to the report of a failed test."""
    report = yield
    if report.failed and _KIT in sys.modules:
        from statefun_actors.testing.pytest_support import logs

        report.sections += logs()
    return report


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Show in which fields entities, messages and effects differ."""
    if op != "==" or _KIT not in sys.modules:
        return None
    from statefun_actors.testing.pytest_support import explained

    return explained(left, right)
