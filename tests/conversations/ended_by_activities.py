"""A program whose activities end its process: ``python -m tests.conversations.ended_by_activities STORE [TIMEOUT]``.

The environment variable CALLS names a file that gets the key of each call.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import timedelta
from pathlib import Path

from statefun_actors import Entity, NoAnswer, Runtime, activity, answers, handles, persisted

DIES = 7
ENDS = 0
DEADLINE = 30.0


class Order(Entity, typename="killed/order"):
    seen: str = persisted(default="")

    @handles(float)
    def place(self, timeout: float) -> None:
        target = charge if timeout >= 1 else charge_later
        self.ask(target, timeout, then=self.charged, timeout=timedelta(seconds=timeout))

    @answers
    def charged(self, answer: bool | NoAnswer) -> None:
        self.seen = f"{answer.reason}: {answer.error}" if isinstance(answer, NoAnswer) else str(answer)


@activity("killed/charge", attempts=3, backoff=0.01)
def charge(message: float, key: str) -> None:
    with Path(os.environ["CALLS"]).open("a") as calls:
        calls.write(f"{key}\n")
    os._exit(DIES)


@activity("killed/charge-later", attempts=3, backoff=60)
def charge_later(message: float, key: str) -> None:
    charge(message, key)


def main(store: str, *timeouts: str) -> None:
    with Runtime(Order, charge, charge_later, store=store) as runtime:
        for timeout in timeouts:
            runtime.tell(Order.at("o"), float(timeout))
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end and not runtime.state(Order.at("o")).seen:
            time.sleep(0.01)  # between two looks


if __name__ == "__main__":
    main(*sys.argv[1:])
