"""All benchmarks in turn, and one table: ``python -m tests.benchmarks [NAME ...] [--quick | --full] [--profile NAME]``.

Each is a process of its own. A ratio is the median of interleaved rounds of ours and of the peer in the same run; the
spread is its least and its greatest. What can't run on this machine is a row with its reason. Exits with 1 if a figure
misses its aim, or a benchmark fails; with 0 otherwise, also with --quick, whose rounds are too short to tell.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.benchmarks.figures import HEADING, Figure, Unmeasured, machine, met, read_figures

NAMES: Final = (
    "start_up",
    "handler",
    "any_states",
    "http",
    "undisturbed",
    "asks",
    "activities",
    "library",
    "durable_actors",
    "bytes_written",
    "ingest",
    "partitions",
    "simulator",
    "reminders",
    "kit",
    "growth",
    "curves",
    "open_asks",
    "schedules",
    "telemetry",
    "console",
    "history",
    "restate",
)
FULL: Final = ("flink_kafka", "gateway")
"""Those that only ``--full`` runs: minutes of a Flink."""
FULL_ARGUMENTS: Final = {"growth": ("--full",), "console": ("--full",), "curves": ("--full",)}
_SHORT: Final = ("--rounds", "1", "--seconds", "0.3")
QUICK_ARGUMENTS: Final = {
    "start_up": ("--rounds", "1"),
    "handler": ("--rounds", "1"),
    "any_states": ("--rounds", "1"),
    "http": _SHORT,
    "undisturbed": _SHORT,
    "library": (*_SHORT, "--single", "50"),
    "durable_actors": _SHORT,
    "bytes_written": ("--messages", "1000"),
    "ingest": ("--rounds", "1", "--lines", "2000"),
    "partitions": (*_SHORT, "--lines", "2000"),
    "simulator": ("--seeds", "5"),
    "reminders": ("--rounds", "1", "--entities", "20", "--days", "5"),
    "kit": ("--rounds", "1"),
    "growth": ("--rounds", "1", "--population", "2000", "--messages", "2000"),
    "curves": ("--smallest",),
    "open_asks": ("--asks", "1000"),
    "schedules": ("--schedules", "1000"),
    "telemetry": ("--rounds", "1", "--messages", "300", "--seconds", "0.3"),
    "console": ("--rounds", "1", "--messages", "500", "--seconds", "0.3", "--requests", "20"),
    "history": ("--rounds", "1", "--messages", "1000", "--seconds", "0.3"),
    "restate": _SHORT,
    "flink_kafka": ("--rounds", "1", "--messages", "500"),
    "gateway": ("--rounds", "1", "--messages", "20"),
}
PROFILED: Final = ("handler", "asks", "library", "activities")


def figures_of(name: str, *arguments: str) -> list[Figure | Unmeasured] | str:
    """The figures of one benchmark, whose output goes to standard error; its last line there if it failed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        command = [sys.executable, "-m", f"tests.benchmarks.{name}", "--figures", str(file), *arguments]
        print(f"== {' '.join(command[1:3])}", file=sys.stderr, flush=True)
        last = "it printed nothing"
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", file=sys.stderr, flush=True)
                last = line.strip() or last
        return read_figures(file) if file.exists() else last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join((*NAMES, *FULL))}")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--quick", action="store_true", help="the smallest forms, to try the command")
    form.add_argument("--full", action="store_true", help="the long forms, and Flink, too")
    parser.add_argument("--profile", choices=PROFILED, help="show where one of these spends its time instead")
    options = parser.parse_args()
    if options.profile is not None:
        command = [sys.executable, "-m", f"tests.benchmarks.{options.profile}", "--profile"]
        sys.exit(subprocess.run(command, check=False).returncode)
    if unknown := sorted(set(options.names) - {*NAMES, *FULL}):
        parser.error(f"unknown benchmark {unknown[0]!r}; expected one of: {', '.join((*NAMES, *FULL))}")
    names = options.names or (*NAMES, *(FULL if options.full else ()))
    more = QUICK_ARGUMENTS if options.quick else FULL_ARGUMENTS if options.full else {}
    found = {name: figures_of(name, *more.get(name, ())) for name in names}
    print(f"{machine()}\n{HEADING}")
    for name, figures in found.items():
        if isinstance(figures, str):
            print(f"{name:58} FAILED: {figures}")
            continue
        for figure in figures:
            print(figure.row())
    sys.exit(0 if all(_passed(figures, quick=options.quick) for figures in found.values()) else 1)


def _passed(figures: list[Figure | Unmeasured] | str, *, quick: bool) -> bool:
    return not isinstance(figures, str) and (quick or all(map(met, figures)))


if __name__ == "__main__":
    main()
