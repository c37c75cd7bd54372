"""All benchmarks in turn, and one table: ``python -m tests.benchmarks [NAME ...] [--full] [--profile NAME]``.

Each is a process of its own. A ratio is the median of interleaved rounds of ours and of the peer in the same run; the
spread is its least and its greatest. Exits with 1 if a figure misses its aim, or a benchmark fails.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.benchmarks.figures import HEADING, Figure, machine, read_figures

NAMES: Final = (
    "start_up",
    "handler",
    "http",
    "asks",
    "activities",
    "library",
    "ingest",
    "partitions",
    "simulator",
    "reminders",
    "kit",
    "growth",
    "open_asks",
    "schedules",
    "telemetry",
    "console",
    "history",
    "restate",
)
FULL: Final = ("flink_kafka", "gateway")
"""Those that only ``--full`` runs: minutes of a Flink."""
FULL_ARGUMENTS: Final = {"growth": ("--full",), "console": ("--full",)}
PROFILED: Final = ("handler", "asks", "library")


def figures_of(name: str, *arguments: str) -> list[Figure] | None:
    """The figures of one benchmark, whose output goes to standard error; None if it failed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        command = [sys.executable, "-m", f"tests.benchmarks.{name}", "--figures", str(file), *arguments]
        print(f"== {' '.join(command[1:3])}", file=sys.stderr)
        subprocess.run(command, check=False, stdout=sys.stderr)
        return read_figures(file) if file.exists() else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join((*NAMES, *FULL))}")
    parser.add_argument("--full", action="store_true", help="the long forms, and Flink, too")
    parser.add_argument("--profile", choices=PROFILED, help="show where one of these spends its time instead")
    options = parser.parse_args()
    if options.profile is not None:
        command = [sys.executable, "-m", f"tests.benchmarks.{options.profile}", "--profile"]
        sys.exit(subprocess.run(command, check=False).returncode)
    if unknown := sorted(set(options.names) - {*NAMES, *FULL}):
        parser.error(f"unknown benchmark {unknown[0]!r}; expected one of: {', '.join((*NAMES, *FULL))}")
    names = options.names or (*NAMES, *(FULL if options.full else ()))
    found = {name: figures_of(name, *(FULL_ARGUMENTS.get(name, ()) if options.full else ())) for name in names}
    print(f"{machine()}\n{HEADING}")
    for name, figures in found.items():
        for figure in figures or ():
            print(figure.row())
        if figures is None:
            print(f"{name}: failed")
    sys.exit(0 if all(figures and all(figure.met for figure in figures) for figures in found.values()) else 1)


if __name__ == "__main__":
    main()
