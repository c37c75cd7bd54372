"""Workflows of one step on DBOS with SQLite: ``python dbos_workflow.py FILE COUNT`` prints their cost."""

# Run by an interpreter of its own, which has DBOS and nothing of this project.
from __future__ import annotations

import json
import sys
import time
from importlib import import_module

dbos = import_module("dbos").DBOS


@dbos.step()  # type: ignore[untyped-decorator]
def add(balance: int, cents: int) -> int:
    """The step, whose result is stored."""
    return balance + cents


@dbos.workflow()  # type: ignore[untyped-decorator]
def deposit(balance: int, cents: int) -> int:
    """The workflow, whose input and result are stored."""
    return int(add(balance, cents))


def main() -> None:
    file, count = sys.argv[1], int(sys.argv[2])
    dbos(config={"name": "bench", "system_database_url": f"sqlite:///{file}", "log_level": "ERROR"})
    dbos.launch()
    balance = deposit(0, 1)
    began, used = time.perf_counter(), time.process_time()
    for _ in range(count):
        balance = deposit(balance, 1)
    taken = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - used}
    assert balance == count + 1
    dbos.destroy()
    print(json.dumps(taken))


if __name__ == "__main__":
    main()
