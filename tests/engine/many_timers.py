"""Plans many delayed messages, and handles some: ``python -m tests.engine.many_timers FILE N``.

Prints JSON: what it held, by how many bytes its memory grew meanwhile, and whether all came in the order of due time.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from pathlib import Path
from typing import ClassVar

from statefun_actors import Entity, handles
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, ManualClock
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import pack
from tests.engine.engines import send

FIRED = 5_000
PRIME = 7_919


class Bell(Entity, typename="test/bell"):
    rung: ClassVar[list[int]] = []

    @handles(int)
    def ring(self, message: int) -> None:
        Bell.rung.append(message)


def peak() -> int:
    """Bytes, the most that the process has had so far."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


async def plan_and_ring(path: Path, count: int) -> dict[str, object]:
    store, clock = SqliteStore(path), ManualClock()
    engine = Engine(Application(Bell), store, clock)
    running = asyncio.create_task(engine.run())
    for number in range(1_000):  # whatever a process needs that has planned some
        send(engine, Bell.at(f"{number}"), pack(number), delay_ms=1 + number)
    await engine.durable()
    before = peak()
    for number in range(count):
        due = number * PRIME % count * 100 + 1_000  # in no order
        send(engine, Bell.at(f"{due}"), pack(due), delay_ms=due)
        if number % 500 == 0:
            await engine.durable()
    await engine.durable()
    pending = store.counts()["timers"]
    while len(Bell.rung) < FIRED:
        clock.set_ms(clock.now_ms() + 20_000)
        await engine.settled()
    grown = peak() - before
    await engine.stop()
    await running
    store.close()
    return {"pending": pending, "grown": grown, "rung": len(Bell.rung), "in_order": Bell.rung == sorted(Bell.rung)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(plan_and_ring(Path(sys.argv[1]), int(sys.argv[2])))))
