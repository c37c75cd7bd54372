"""The cost of a million schedules, of which 1,000 are due each minute.

``python -m tests.benchmarks.schedules [--schedules N]``

A store with that number of schedules, as the engine writes them, is compared to an empty one. Each start is a process
of its own: how long it takes, from nothing imported to the first message answered and stored; then five minutes pass,
on a clock that is set, and each fires its 1,000 schedules.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path
from typing import Final

from statefun_actors import Entity, handles, persisted
from tests.benchmarks.figures import Figure
from tests.benchmarks.stored_rows import memory_mb, run_benchmark

MOST_SECONDS: Final = 6.0
"""A tenth of the minute in which they are due."""
DUE_A_MINUTE, MINUTES = 1_000, 5
APART_MS: Final = 60_000 // DUE_A_MINUTE
BEGIN_MS: Final = 2_000_000_000_000
_CHUNK: Final = 5_000


class Ticking(Entity, typename="bench/ticking"):
    count: int = persisted(default=0)

    @handles(int)
    def tick(self, message: int) -> None:
        self.count += message


async def fill(path: Path, schedules: int) -> None:
    from msgspec.msgpack import encode

    from statefun_actors import Address, TypedValue
    from statefun_actors.asking import SCHEDULE, Fire, Recurrence, Repeat, order, schedule_id
    from statefun_actors.conversations.schedule import KeptSchedule
    from statefun_actors.store import Commit, EntityRecord, EntityRow, Timer
    from statefun_actors.store.entity_record import pack as pack_record
    from statefun_actors.store.sqlite import SqliteStore
    from statefun_actors.types import codec_for, pack

    kept, one = codec_for(bytes), pack(1)
    every = Recurrence(schedules * APART_MS)
    store = SqliteStore(path)
    for start in range(0, schedules, _CHUNK):
        rows, timers = [], []
        for number in range(start, min(start + _CHUNK, schedules)):
            ticking = Ticking.at(f"{number % DUE_A_MINUTE}")
            address = Address(SCHEDULE, schedule_id(ticking, f"{number}"))
            slot_ms = BEGIN_MS + (number + 1) * APART_MS
            content = Repeat(ticking, f"{number}", every, ticking, (one.typename, one.value), BEGIN_MS)
            stored = TypedValue(kept.typename, kept.encode(encode(KeptSchedule(content, slot_ms))))
            state: dict[str, TypedValue | None] = {"schedule": stored, "generation": one}
            rows.append(EntityRow(address, pack_record(EntityRecord(state, {}, 0))))
            due, token = order(Fire(1, slot_ms)), f"{SCHEDULE}:{address.id}:1"
            timers.append(Timer(number + 1, slot_ms, address, due, address, token))
        await store.commit(Commit(entities=rows, timers=timers, next_seq=start + _CHUNK + 1))
    store.close()


async def start(path: Path, began: float) -> tuple[float, ...]:
    """Seconds until the first message is answered and durable, MB in use, and seconds for the schedules of a minute."""
    from statefun_actors.dispatch import Application
    from statefun_actors.engine import Engine, ManualClock
    from statefun_actors.engine.clock import at_ms
    from statefun_actors.ingress import Answer, IngressMessage, Taken
    from statefun_actors.store.sqlite import SqliteStore
    from statefun_actors.types import pack

    def check(answer: Answer) -> None:
        assert answer == Taken(), answer

    store = SqliteStore(path)
    pending = store.timers_after(0, 0, 1)  # the previous start has fired some
    begin_ms, due = (pending[0].due_ms - APART_MS, DUE_A_MINUTE) if pending else (BEGIN_MS, 0)
    clock = ManualClock(at_ms(begin_ms))
    engine = Engine(Application(Ticking), store, clock)
    running = asyncio.create_task(engine.run())
    engine.take(IngressMessage(Ticking.at("first"), pack(1)), check)
    await engine.durable()
    seconds = time.time() - began
    took: list[float] = []
    for minute in range(1, MINUTES + 1):
        begin = time.process_time()
        clock.set_ms(begin_ms + minute * 60_000)
        await engine.idle()
        took.append(time.process_time() - begin)
        assert (engine.view.counters.timers_fired, engine.view.counters.handled) == (due * minute, 1 + 2 * due * minute)
    await engine.stop()
    await running
    store.close()
    return seconds, memory_mb(), statistics.median(took)


def firing(runs: list[tuple[float, ...]]) -> list[Figure]:
    return [
        Figure(
            name=f"processor time of the {DUE_A_MINUTE:,} schedules of a minute",
            ours=[run[2] for run in runs],
            aim=MOST_SECONDS,
            at_least=False,
            unit="s",
        )
    ]


if __name__ == "__main__":
    run_benchmark(__spec__.name, __doc__, "schedules", fill, start, firing)
