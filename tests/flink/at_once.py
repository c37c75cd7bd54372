"""The conformance cases on Flink, several at a time, since most of their time is waiting."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Final

from tests.conformance.engine import Can
from tests.conformance.sections import Case
from tests.flink.case_run import SLOWER, CrowdedError, EarlyError, JobFailedError
from tests.flink.conformance import FLINK

AT_A_TIME: Final = 12
_LONGEST: Final = ("B24", "B26", "A14", "A21", "B25", "A19")
"""Cases that wait longest for timers; they start first."""


class CasesAtOnce:
    """Runs *cases*, each in an event loop of its own, in a thread."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self._pool = ThreadPoolExecutor(AT_A_TIME, "case")
        self._results: dict[str, Future[None]] = {}
        for chain in sorted(_chains(cases), key=_urgency):
            results = [self._results.setdefault(case.number, Future()) for case in chain]
            self._pool.submit(_run_chain, chain, results)

    def result(self, case: Case) -> None:
        """Wait until *case* has run. Raises its error.

        A case that fails the job fails all cases that run at the same time. The busier Flink is, the more messages it
        joins in one request, those of the tap included. And where states expire, messages that wait for those of other
        cases may be late. A timer of Flink may fire before a slow machine has come so far. Such a case runs again,
        alone, with more time for each second.
        """
        try:
            self._results[case.number].result()
        except AssertionError as error:
            if not (isinstance(error, CrowdedError | EarlyError | JobFailedError) or Can.EXPIRE in case.needs):
                raise
            wait(self._results.values())
            copy_context().run(_run_slower, case)

    def close(self) -> None:
        """Return when no case runs. Those that have not started never will."""
        for result in self._results.values():
            result.cancel()
        self._pool.shutdown()


def _chains(cases: Iterable[Case]) -> list[list[Case]]:
    """Cases that must run one after the other: those of a module that keeps values (``ClassVar``, ``CALLS``)."""
    chains: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        module = case.function.__module__
        keeps = any(hasattr(sys.modules[module], name) for name in ("ClassVar", "CALLS"))
        chains[module if keeps else case.number].append(case)
    return list(chains.values())


def _urgency(chain: Sequence[Case]) -> tuple[int, int]:
    places = (_LONGEST.index(case.number) for case in chain if case.number in _LONGEST)
    return min(places, default=len(_LONGEST)), -len(chain)


def _run_chain(chain: Sequence[Case], results: Sequence[Future[None]]) -> None:
    for case, result in zip(chain, results, strict=True):
        if not result.set_running_or_notify_cancel():
            continue
        try:
            asyncio.run(_run(case))
        except BaseException as error:  # pytest's outcomes are BaseExceptions; result() raises it in the test's thread
            result.set_exception(error)
        else:
            result.set_result(None)


def _run_slower(case: Case) -> None:
    SLOWER.set(3.0)
    asyncio.run(_run(case))


async def _run(case: Case) -> None:
    await case.function(FLINK.start)
