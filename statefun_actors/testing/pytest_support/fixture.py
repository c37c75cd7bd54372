"""The fixture ``runtime``: a TestRuntime that runs in the event loop of the test, whichever plugin brings that."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Generator
from contextlib import contextmanager
from types import ModuleType
from typing import Any as Untyped
from typing import Final

import attrs

from statefun_actors.testing.faults import Faults, Hostility, RandomChoices
from statefun_actors.testing.runtime import TestRuntime
from statefun_actors.testing.seeds import chosen_seeds

_SEEDS: Final = 10


@attrs.frozen
class HostileRun:
    """One run of a test that is marked as hostile."""

    seed: int
    faults: Faults


def hostile_runs(mark: Untyped) -> list[HostileRun]:
    """The runs that *mark*, ``hostile(seeds=10, faults=None)``, asks for."""
    return [HostileRun(seed, mark.kwargs.get("faults") or Faults()) for seed in chosen_seeds(_seeds(mark))]


def _seeds(mark: Untyped) -> Untyped:
    unknown = sorted(mark.kwargs.keys() - {"seeds", "faults"})
    if unknown or len(mark.args) > 1:
        got = f"{', '.join([*map(repr, mark.args), *(f'{name}=' for name in unknown)])}"
        raise TypeError(f"expected pytest.mark.hostile(seeds=10, faults=Faults()), got {got}")
    return mark.args[0] if mark.args else mark.kwargs.get("seeds", _SEEDS)


@contextmanager
def runtime_during(item: Untyped, run: HostileRun | None) -> Generator[TestRuntime]:
    """A runtime for the test *item* of pytest, which starts when the test is called, and stops when that ends.

    Raises:
        TypeError: the test is not ``async def``, or nothing is served.
    """
    test = item.obj
    if not inspect.iscoroutinefunction(test):
        raise TypeError(
            f"the fixture `runtime` needs an `async def` test, got `def {item.originalname}`: a runtime runs in the "
            "event loop of its test"
        )
    mark = item.get_closest_marker("runtime")
    served = () if mark is None else mark.args
    served = served or _served_in(item.module)
    if not served:
        raise TypeError(
            f"{item.module.__name__} imports nothing that the fixture `runtime` could run: import an Entity class or "
            "StatefulFunctions, or mark the test with pytest.mark.runtime(Account)"
        )
    hostile = False if run is None else Hostility(run.faults, RandomChoices(run.seed))
    runtime = TestRuntime(*served, hostile=hostile, **({} if mark is None else mark.kwargs))

    @functools.wraps(test)
    async def within(*args: Untyped, **kwargs: Untyped) -> None:
        async with runtime:
            await test(*args, **kwargs)

    item.obj = within
    try:
        yield runtime
    finally:
        item.obj = test


def _served_in(module: ModuleType) -> list[object]:
    """The Entity classes with a typename, StatefulFunctions and activities in *module*."""
    found: list[object] = []
    for item in vars(module).values():
        if _is_served(item) and not any(item is other for other in found):
            found.append(item)
    return found


def _is_served(item: object) -> bool:
    try:
        if isinstance(item, type):
            return vars(item).get("__function_type__") is not None
        # Some objects, such as unittest.mock.call, answer for each name: only a name that is there counts.
        there = inspect.getattr_static(item, "__function_types__", None) is not None
        return there and callable(getattr(item, "__function_types__", None))
    except Exception:  # a module may contain objects that raise errors for any attribute
        return False
