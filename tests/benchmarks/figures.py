"""The figures of a benchmark: ours and a peer's, round by round, next to an aim. Used by all of them."""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import platform
import pstats
import statistics
import sys
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import attrs

_PROFILE_LINES: Final = 40
T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Figure:
    """One comparison.

    ``ours`` and ``theirs`` have a value for each round, in the same order; its ratio is that of ours to theirs, or with
    ``inverse`` that of theirs to ours (for times, where less is better). Without a peer ``ours`` is compared to the aim
    as it is.
    """

    name: str
    ours: Sequence[float]
    peer: str = ""
    theirs: Sequence[float] = ()
    inverse: bool = False
    aim: float
    at_least: bool = True
    """Whether the aim is the least that is wanted; else it is the most."""
    unit: str = "x"

    @property
    def values(self) -> list[float]:
        """The ratio of each round; without a peer, what was measured in it."""
        if not self.theirs:
            return list(self.ours)
        pairs = zip(self.ours, self.theirs, strict=True)
        return [theirs / ours if self.inverse else ours / theirs for ours, theirs in pairs]

    @property
    def value(self) -> float:
        """The median of :attr:`values`."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool:
        return self.value >= self.aim if self.at_least else self.value <= self.aim

    def row(self) -> str:
        least, most = min(self.values), max(self.values)
        aim = f"{'>=' if self.at_least else '<='} {self.aim:,.4g}"
        figure = f"{self.value:10,.4g} {self.unit:5} {f'{least:,.4g} to {most:,.4g}':>20}   {aim:>9}"
        return f"{self.name:58} {self.peer or '-':28} {figure}   {'met' if self.met else 'MISSED'}"


@attrs.frozen(kw_only=True)
class Unmeasured:
    """What can't be measured on this machine, and why."""

    name: str
    reason: str

    def row(self) -> str:
        return f"{self.name:58} not measured: {self.reason}"


class CannotMeasureError(Exception):
    """A benchmark, or a peer of one, can't run on this machine; the message is the reason, for a row of the table."""


HEADING: Final = f"{'figure':58} {'peer':28} {'median':>10} {'':5} {'spread':>20}   {'aim':>9}"


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """A parser with the option that all benchmarks have; *doc*: the docstring of the module."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", type=Path, help=argparse.SUPPRESS)  # of tests.benchmarks, which reads them there
    return parser


def report(figures: Iterable[Figure | Unmeasured], options: argparse.Namespace) -> NoReturn:
    """Print *figures*. The process exits with 1 if one misses its aim."""
    figures = list(figures)
    print(f"\n{HEADING}")
    for figure in figures:
        print(figure.row())
    file: Path | None = options.figures
    if file is not None:
        file.write_text(json.dumps([attrs.asdict(figure) for figure in figures]), encoding="utf-8")
    sys.exit(0 if all(map(met, figures)) else 1)


def met(figure: Figure | Unmeasured) -> bool:
    """Whether *figure* meets its aim. What can't be measured here misses none."""
    return isinstance(figure, Unmeasured) or figure.met


def needed(name: str, options: argparse.Namespace, get: Callable[[], T]) -> T:
    """What *get* returns. If it can't on this machine, the benchmark *name* is reported as not measured, and ends."""
    try:
        return get()
    except CannotMeasureError as error:
        report([Unmeasured(name=name, reason=str(error))], options)


def read_figures(file: Path) -> list[Figure | Unmeasured]:
    """What :func:`report` has written."""
    rows: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return [Unmeasured(**row) if "reason" in row else Figure(**row) for row in rows]


def machine() -> str:
    """The machine, on one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {cores} cores"


@contextmanager
def profiled() -> Generator[None]:
    """Print the functions in which the block spends processor time."""
    profiler = cProfile.Profile(time.process_time)  # of this process alone: others share its processors
    profiler.enable()
    try:
        yield
    finally:
        profiler.disable()
        pstats.Stats(profiler).sort_stats("tottime").print_stats(_PROFILE_LINES)
