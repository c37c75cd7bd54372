"""Commits that a test can recognize; and a program that makes them until it is killed.

``python -m tests.store.numbered FILE COMMITS`` prints the number of each commit after it; ``--many FOLDER N`` creates N
stores.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Literal

from statefun_actors import Address
from statefun_actors.model import TypedValue
from statefun_actors.store import Commit, DeadLetterEntry, EgressRecord, EntityRow, HistoryRow, Message, Timer
from statefun_actors.store.sqlite import SqliteStore

ACCOUNTS = [Address("bank/account", f"{n}") for n in range(40)]


def numbered(n: int) -> Commit:
    """The commit that takes each table from *n - 1* to *n*."""
    value = TypedValue("t/v", f"{n}".encode() * 50)
    message = Message(n, ACCOUNTS[0], value)
    return Commit(
        entities=[EntityRow(address, f"{n}".encode()) for address in ACCOUNTS],
        messages=[message],
        messages_done=[n - 1],
        timers=[Timer(n, n, ACCOUNTS[0], value, ACCOUNTS[1], "token")],
        timers_done=[n - 1],
        egress=[EgressRecord(n, "bank/out", value)],
        dead_letters=[DeadLetterEntry(n, message, "x.Y", "", 1, n)],
        dead_letters_done=[n - 1],
        history=[HistoryRow(n, "key", value.value)],
        history_done=[n - 1],
        positions={"input": f"{n}"},
        next_seq=n + 1,
    )


async def forever(path: Path, commits: Literal["loop", "thread"]) -> None:
    store = SqliteStore(path, commits=commits)
    n = store.recover().next_seq
    while True:
        await store.commit(numbered(n))
        print(n, flush=True)
        n += 1


def many(folder: Path, count: int) -> None:
    for number in range(count):
        SqliteStore(folder / f"{number}.db").close()


if __name__ == "__main__":
    if sys.argv[1] == "--many":
        many(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        asyncio.run(forever(Path(sys.argv[1]), "loop" if sys.argv[2] == "loop" else "thread"))
