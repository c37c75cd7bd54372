"""``python -m tests.flink.smoke [--full] [--messages N] [--crashes N] [--seed N]``: the smoke test by hand.

``--full`` is 20,000 messages and 20 crashes, a minute or two. Exits 1 where anything is not as it should be.
"""

from __future__ import annotations

import argparse
import sys

from tests.flink.distribution import HERE
from tests.flink.seen import Flink
from tests.flink.served import ServedApp
from tests.flink.session import session
from tests.flink.smoke.running import smoke


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.flink.smoke", description=__doc__)
    parser.add_argument("--full", action="store_true", help="20,000 messages, 20 crashes")
    parser.add_argument("--messages", type=int, default=1_000)
    parser.add_argument("--crashes", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    messages, crashes = (20_000, 20) if given.full else (given.messages, given.crashes)
    found = session()
    app = ServedApp(HERE / "app.py", found.served.number)
    try:
        app.start()
        flink = Flink(found.jvm, "smoke")
        run = smoke(flink, ids=25, messages=messages, crashes=crashes, seed=given.seed)
        flink.assert_up()
    finally:
        app.close()
    print(run)
    return 1 if run.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
