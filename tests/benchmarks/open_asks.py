"""What a million open asks with timeouts cost: ``python -m tests.benchmarks.open_asks [--asks N]``.

A store with so many open asks, as the engine writes them, beside an empty one. Each start is a process of its own: how
long it takes, from nothing imported to the first ask answered and stored, and how much memory it has in the end.
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.benchmarks.figures import Figure, parser_of, report

MOST_START, MOST_MB = 1.5, 150.0
TURNS: Final = 3
FIRST_DUE_MS: Final = 4_000_000_000_000


async def fill(path: Path, asks: int) -> None:
    from statefun_actors import Address, TypedValue
    from statefun_actors.asking import REPLY, Expire, Open, order
    from statefun_actors.store import Commit, EntityRecord, EntityRow, Timer
    from statefun_actors.store.entity_record import pack
    from statefun_actors.store.sqlite import SqliteStore
    from statefun_actors.types import codec_for

    kept = codec_for(bytes)
    store = SqliteStore(path)
    for start in range(0, asks, 5_000):
        rows, timers = [], []
        for number in range(start, min(start + 5_000, asks)):
            address = Address(REPLY, f"{number * 2654435761 % (1 << 128):032x}")
            ask = order(Open(("bench/order", f"{number}"), "answered", None, None, 60_000, 0, ("bench/stock", "s")))
            state: dict[str, TypedValue | None] = {"ask": TypedValue(kept.typename, kept.encode(ask.value))}
            rows.append(EntityRow(address, pack(EntityRecord(state, {}, 0))))
            due = FIRST_DUE_MS + number
            timers.append(Timer(number + 1, due, address, order(Expire()), address, address.id))
        await store.commit(Commit(entities=rows, timers=timers, next_seq=start + 5_001))
    store.close()


async def start(path: Path, began: float) -> tuple[float, float]:
    """Seconds until the first ask is answered and durable, and MB in use."""
    from statefun_actors.dispatch import Application
    from statefun_actors.engine import Engine, SystemClock
    from statefun_actors.ingress import Answer, IngressMessage, Taken
    from statefun_actors.store.sqlite import SqliteStore
    from statefun_actors.types import pack
    from tests.benchmarks.asks import Order, Stock

    def check(answer: Answer) -> None:
        assert answer == Taken(), answer

    store = SqliteStore(path)
    engine = Engine(Application(Order, Stock), store, SystemClock())
    running = asyncio.create_task(engine.run())
    engine.take(IngressMessage(Order.at("first"), pack(True)), check)
    await engine.durable()
    assert engine.view.state(Order.at("first"))["done"] == pack(1)
    seconds = time.time() - began
    for number in range(2_000):
        engine.take(IngressMessage(Order.at(f"{number}"), pack(True)), check)
    await engine.durable()
    await engine.stop()
    await running
    store.close()
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--asks", type=int, default=1_000_000)
    parser.add_argument("--start", type=Path)
    arguments = parser.parse_args()
    if arguments.start is not None:
        print(json.dumps(asyncio.run(start(arguments.start, float(sys.stdin.readline())))))
        return
    with tempfile.TemporaryDirectory() as folder:
        stores = {"empty": Path(folder) / "empty.db", "full": Path(folder) / "full.db"}
        asyncio.run(fill(stores["full"], arguments.asks))
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in stores}
        for _ in range(TURNS):
            for name, path in stores.items():
                command = [sys.executable, "-m", __spec__.name, "--start", str(path)]
                run = subprocess.run(command, input=f"{time.time()}\n", capture_output=True, text=True, check=True)
                found[name].append(tuple(json.loads(run.stdout)))
    seconds = {name: statistics.median(each[0] for each in runs) for name, runs in found.items()}
    memory = {name: max(each[1] for each in runs) for name, runs in found.items()}
    print(f"{arguments.asks:,} open asks: {seconds['full']:.2f} s and {memory['full']:.0f} MB; none: "
          f"{seconds['empty']:.2f} s and {memory['empty']:.0f} MB")  # fmt: skip
    starts = {name: [seconds for seconds, _ in runs] for name, runs in found.items()}
    stored = f"{arguments.asks:,} open asks"
    report(
        (
            Figure(
                name=f"start to the first ask answered, {stored}",
                ours=starts["full"],
                peer="an empty store",
                theirs=starts["empty"],
                aim=MOST_START,
                at_least=False,
            ),
            Figure(name=f"memory, {stored}", ours=[memory["full"]], aim=MOST_MB, at_least=False, unit="MB"),
        ),
        arguments,
    )


if __name__ == "__main__":
    main()
