"""``simulate``: runs a scenario without faults, then under the faults of many seeds."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any as Untyped
from typing import Final

import attrs

from statefun_actors.dispatch import Application
from statefun_actors.settings import Settings
from statefun_actors.system import end_tasks
from statefun_actors.testing.faults import Choices, Faults, Hostility, LogEntry, RandomChoices, RecordedChoices
from statefun_actors.testing.recent import LOGS
from statefun_actors.testing.runtime import TestRuntime
from statefun_actors.testing.seeds import chosen_seeds
from statefun_actors.testing.simulation.interpreters import run_elsewhere
from statefun_actors.testing.simulation.report import SimulationError
from statefun_actors.testing.simulation.result import (
    WITHOUT_FAULTS,
    Invariant,
    Result,
    Scenario,
    difference,
    difference_of_texts,
    outcome,
    texts,
)
from statefun_actors.testing.simulation.shrinking import shortest
from statefun_actors.testing.simulation.wall_clock import another_wall_clock
from statefun_actors.text import describe

_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_SHRINKING: Final = 200
"""Runs spent on a shorter script."""
_NOT_REPEATABLE: Final = (
    "Two runs without faults differ, so something besides messages and fields decides: the wall clock (use self.now), "
    "randomness such as uuid4(), or what is kept in a module or in a default."
)
_WALL_CLOCK: Final = (
    "A handler reads the clock of the machine, which runs on while virtual time stands still. Use self.now."
)
_SETS: Final = (
    "A set is iterated into messages or fields: its order differs between processes. Use sorted(...), or a list."
)
_DIFFERS: Final = (
    "Look for state outside fields, calls outside that a handler makes itself (make them activities), and an order of "
    "messages of different senders. Where other results are right, say what holds for all: simulate(..., invariant=f)."
)
_FAILS: Final = "The scenario, or what it claims, holds without these faults only."


@attrs.frozen
class _SimulatedRun:
    """One run, which is over: its result, or how it failed."""

    result: Result | None
    error: BaseException | None
    runtime: TestRuntime
    script: list[int]

    @property
    def log(self) -> list[LogEntry]:
        """What happened. Formatting it takes as long as a tenth of the run, and few logs are read."""
        return self.runtime.log


def simulate(
    scenario: Scenario,
    /,
    *served: object,
    seeds: int | Iterable[int] = 100,
    invariant: Invariant | None = None,
    faults: Faults | None = None,
    settings: Settings | None = None,
    start: datetime = _START,
    hash_seeds: int = 0,
) -> None:
    """Run *scenario* without faults, then once for each seed under the faults that the seed decides.

    ::

        async def scenario(runtime: TestRuntime) -> None:
            await runtime.tell(Account.at("ada"), Deposit(cents=5))

        def test_deposits() -> None:
            simulate(scenario, Account, Audit, seeds=1000)

    Each run must have the result of the run without faults: fields, egress records, dead letters, timers, asks,
    schedules, and the scenario's return value. With an *invariant* results may differ, and late answers and jumps of
    the clock are among the faults.

    Args:
        scenario: sends messages and moves the clock. Each run calls it with a new TestRuntime, so it must also create
            its own stand-ins for other systems.
        served: Entity classes, StatefulFunctions and activities. All runs share them: for a stand-in with state, write
            ``charge.replaced_by(factory)``, which makes one for each run.
        seeds: how many, or which. ``pytest --statefun-seed N`` replaces them by N.
        invariant: called with the runtime once a run is over; it raises, as assert does, where something is wrong. It
            may be a coroutine function.
        faults: the kinds of faults; all kinds unless given.
        settings: of the application.
        start: virtual time at the beginning.
        hash_seeds: the number of other interpreters that run the scenario without faults, about a second for each. Each
            iterates sets of strings in another order, which one process can't change. The scenario and the classes
            must be defined at the top of modules.

    Raises:
        SimulationError: a run had another result or failed. It has the first such seed, and the log of the shortest run
            that shows it.
        Exception: the scenario or the invariant raised it without faults.
        TypeError: the scenario is not ``async def``.
        ValueMismatchError: there are no seeds.
        RuntimeError: an event loop runs in this thread; call it from a test that is no coroutine.
    """
    __tracebackhide__ = True  # pytest shows the report at the call in the test
    if asyncio._get_running_loop() is not None:  # noqa: SLF001 - the public form raises where there is none
        raise RuntimeError(
            "simulate() runs an event loop of its own: call it from a test that is `def`, not `async def`"
        )
    chosen = chosen_seeds(seeds)
    simulation = _Simulation(scenario, served, invariant, faults or Faults(), settings, start, hash_seeds)
    logger = logging.getLogger("statefun_actors")
    level, logs = logger.level, list(LOGS)
    logger.setLevel(logging.CRITICAL + 1)  # injected faults would log thousands of warnings
    try:
        with asyncio.Runner() as runner:
            try:
                simulation.check(runner, chosen)
            finally:
                runner.run(end_tasks())  # closing the runner would wait for those that go on
    finally:
        logger.setLevel(level)
        LOGS.clear()  # the error has the log of the run that failed
        LOGS.extend(logs)


@attrs.frozen
class _Simulation:
    scenario: Scenario
    served: tuple[object, ...]
    invariant: Invariant | None
    faults: Faults
    settings: Settings | None
    start: datetime
    hash_seeds: int

    def check(self, runner: asyncio.Runner, seeds: Iterable[int]) -> None:
        """Raises SimulationError for the first of *seeds* that fails."""
        __tracebackhide__ = True
        calm = runner.run(self._run(None))
        if calm.error is not None:
            raise calm.error
        expected = calm.result or {}
        again = runner.run(self._run(None))
        if (what := self._failure(expected, again, "in the first run", same_tokens=True)) is not None:
            raise SimulationError(None, f"a second run differs from the first: {what}", again.log, _NOT_REPEATABLE)
        with another_wall_clock(Application(*self.served, settings=self.settings)) as looks:
            strange = runner.run(self._run(None))
        # Without a look the stand-ins of the clock made the difference, such as `type(message) is datetime`.
        if looks.count and (what := self._failure(expected, strange, "with the real one")) is not None:
            raise SimulationError(None, f"with another wall clock: {what}", strange.log, _WALL_CLOCK)
        for hash_seed in range(1, self.hash_seeds + 1):
            self._check_elsewhere(expected, hash_seed)
        for seed in seeds:
            run = runner.run(self._run(RandomChoices(seed)))
            if self._failure(expected, run) is not None:
                self._report(runner, calm, seed, run)

    def _check_elsewhere(self, expected: Result, hash_seed: int) -> None:
        """Raise SimulationError if the run in an interpreter with another order of sets fails."""
        __tracebackhide__ = True
        options = (self.settings, self.start)
        other = run_elsewhere(hash_seed, self.scenario, self.served, self.invariant, options)
        what = other.error
        if what is None and self.invariant is None:
            what = difference_of_texts(texts(expected), other.result, "in this process")
        if what is not None:
            raise SimulationError(None, f"with PYTHONHASHSEED={hash_seed}: {what}", other.log, _SETS)

    def _report(self, runner: asyncio.Runner, calm: _SimulatedRun, seed: int, run: _SimulatedRun) -> None:
        __tracebackhide__ = True
        expected = calm.result or {}

        def repeated(script: Sequence[int]) -> _SimulatedRun:
            return runner.run(self._run(RecordedChoices(script)))

        def fails(script: Sequence[int]) -> bool:
            return self._failure(expected, repeated(script)) is not None

        script = shortest(run.script, fails, _SHRINKING)
        short = repeated(script)
        what = self._failure(expected, short)
        if what is None:  # it fails now and then only
            short, what = run, self._failure(expected, run)
        advice = (
            f"{_FAILS if short.error is not None else _DIFFERS} To repeat it: pytest --statefun-seed {seed}, or "
            f"simulate(..., seeds=[{seed}])."
        )
        raise SimulationError(seed, f"seed {seed}: {what}", short.log, advice) from short.error

    def _failure(
        self, expected: Result, run: _SimulatedRun, otherwise: str = WITHOUT_FAULTS, *, same_tokens: bool = False
    ) -> str | None:
        """The fault of *run*; None if it has none. *otherwise* says where the *expected* result was.

        With *same_tokens* both runs draw the same tokens.
        """
        if run.error is not None:
            return describe(run.error)
        if self.invariant is not None:
            return None
        return difference(expected, run.result or {}, otherwise, same_tokens=same_tokens)

    async def _run(self, choices: Choices | None) -> _SimulatedRun:
        hostility = None
        if choices is not None:
            hostility = Hostility(self.faults, choices, results_vary=self.invariant is not None)
        runtime = TestRuntime(
            *self.served, settings=self.settings, start=self.start, hostile=False if hostility is None else hostility
        )
        result: Result | None = None
        error: BaseException | None = None
        try:
            result = await outcome(runtime, self.scenario, self.invariant)
        except BaseException as raised:
            if not _is_finding(raised):
                raise
            error = raised
        made = [] if choices is None else choices.made
        return _SimulatedRun(result, error, runtime, made)


def _is_finding(error: BaseException) -> bool:
    """Whether *error* says that the run failed: any Exception, and that of ``pytest.fail`` or ``pytest.raises``."""
    # Outside of pytest it is not imported. XFailed is a subclass: as Skipped, it is raised, for pytest to report.
    pytest: Untyped = sys.modules.get("pytest")
    return isinstance(error, Exception) or (pytest is not None and type(error) is pytest.fail.Exception)
