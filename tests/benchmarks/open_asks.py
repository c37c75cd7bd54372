"""The cost of a million open asks with timeouts: ``python -m tests.benchmarks.open_asks [--asks N]``.

A store with that number of open asks, as the engine writes them, is compared to an empty one. Each start is a process
of its own: how long it takes, from nothing imported to the first ask answered and stored, and how much memory it has
in the end.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final

from tests.benchmarks.stored_rows import memory_mb, run_benchmark

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


async def start(path: Path, began: float) -> tuple[float, ...]:
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
    return seconds, memory_mb()


if __name__ == "__main__":
    run_benchmark(__spec__.name, __doc__, "open asks", fill, start)
