"""``python -m tests.faults --full``: a real cluster under each fault, by hand; prints a table of figures.

It takes a quarter of an hour. Exits 1 if a run differs from one without faults. Without ``--full``: a killed
TaskManager and a killed endpoint only. The suite has a small form of these two, in tests/cluster/test_flink_command.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.faults.scenarios import FAULTS, run_all
from tests.faults.stage import Stage
from tests.stop_signals import hear_stop_signals

_SMALL = ("none", "TaskManager killed", "endpoint killed for 10 s")


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--full", action="store_true", help="all faults")
    parser.add_argument(
        "--only", metavar="TEXT", action="append", help="the faults whose names contain TEXT; may be repeated"
    )
    given = parser.parse_args()
    hear_stop_signals()  # so do the commands that it starts and stops
    chosen = tuple(FAULTS) if given.full else _SMALL
    if given.only is not None:
        for text in given.only:
            if not any(text in name for name in FAULTS):
                parser.error(f"--only: expected a part of one of {', '.join(FAULTS)}; got {text!r}")
        chosen = tuple(name for name in FAULTS if any(text in name for text in given.only))
    good = True
    print("| fault | longest silence | orders handled again | failures of the job | records and final states |")
    print("|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, Stage(Path(folder)) as stage:
        for figures in run_all(stage, chosen):
            print(figures, flush=True)
            good = good and not figures.difference
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
