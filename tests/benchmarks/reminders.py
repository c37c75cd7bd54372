"""A year of daily reminders in virtual time: ``python -m tests.benchmarks.reminders [--entities 1000] [--days 365]``.

Each entity reminds itself every day. A ``TestRuntime`` advances its clock by the whole time at once; the peer is the
engine alone over the memory store, whose clock is set to each due time. Both in the same process, round by round;
processor time counts.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from statefun_actors import Entity, handles, persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, ManualClock
from statefun_actors.store import MemoryStore
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack, value_of
from tests.benchmarks.figures import Figure, parser_of, report
from tests.engine.engines import send

AIM = 0.5
_DAY = timedelta(days=1)


class Reminded(Entity, typename="reminders/reminded"):
    reminders: int = persisted(default=0)

    @handles(bool)
    def begin(self, _: bool) -> None:
        self.send_every(_DAY, self.address, 1, name="daily")

    @handles(int)
    def remind(self, count: int) -> None:
        self.reminders += count


async def in_a_runtime(entities: int, days: int) -> float:
    """Reminders for each second of processor time in a TestRuntime."""
    async with TestRuntime(Reminded) as runtime:
        for number in range(entities):
            await runtime.tell(Reminded.at(f"{number}"), True)
        before = time.process_time()
        await runtime.clock.advance(days * _DAY)
        seconds = time.process_time() - before
        assert {runtime.state(Reminded.at(f"{number}")).reminders for number in range(entities)} == {days}
    return entities * days / seconds


async def in_an_engine(entities: int, days: int) -> float:
    """Reminders for each second of processor time in an engine over the memory store."""
    store, clock = MemoryStore(), ManualClock()
    engine = Engine(Application(Reminded), store, clock)
    work = asyncio.create_task(engine.run())
    for number in range(entities):
        send(engine, Reminded.at(f"{number}"), pack(True))
    await engine.settled()
    end = clock.now_ms() + days * _DAY // timedelta(milliseconds=1)
    before = time.process_time()
    while (due := engine.view.next_due()) is not None and due <= end:
        clock.set_ms(due)
        engine.wake()
        await engine.settled()
    seconds = time.process_time() - before
    counts = set[object]()
    for number in range(entities):
        reminders = engine.view.state(Reminded.at(f"{number}"))["reminders"]
        counts.add(None if reminders is None else value_of(reminders))
    assert counts == {days}
    await engine.stop(drain=0)
    await work
    return entities * days / seconds


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--entities", type=int, default=1_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ours, theirs = list[float](), list[float]()
    for _ in range(options.rounds):
        ours.append(asyncio.run(in_a_runtime(options.entities, options.days)))
        theirs.append(asyncio.run(in_an_engine(options.entities, options.days)))
        print(f"reminders a second: TestRuntime {ours[-1]:,.0f}, engine {theirs[-1]:,.0f}")
    name = f"{options.entities * options.days:,} daily reminders in virtual time"
    report([Figure(name=name, ours=ours, peer="the engine over the memory store", theirs=theirs, aim=AIM)], options)


if __name__ == "__main__":
    main()
