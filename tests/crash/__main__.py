"""``python -m tests.crash [--full] [--kills N] [--seed N]``: the crash test by hand, its figures printed.

``--full`` is 100 kills, some minutes. Exits 1 where a promise was broken.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.crash.crashing import crash


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--full", action="store_true", help="100 kills")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        crashes = crash(Path(folder), kills=100 if given.full else given.kills, seed=given.seed)
    print(crashes)
    return 1 if crashes.violations else 0


if __name__ == "__main__":
    sys.exit(main())
