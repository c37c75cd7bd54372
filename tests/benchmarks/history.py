"""What the history of entities costs: ``python -m tests.benchmarks.history``.

Messages of an engine with SQLite, handled by a handler that changes a field and sends one message, with a history of
100 messages of each entity and without one, in turns:

- offered: 5,000 messages a second, half from outside and half sent. Aim: at least 0.95 times as many are handled.
- saturated: as many as can be handled, by the time of the clock and by processor time. Aim: at least 0.75 times.

The numbers of messages that were not recorded are printed, too: under load, the history is shed first.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from statefun_actors import Address, Entity, handles, persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, EngineOptions, SystemClock
from statefun_actors.ingress import Answer, IngressMessage
from statefun_actors.store import open_store
from statefun_actors.types import pack
from tests.benchmarks.figures import Figure, parser_of, report
from tests.engine.recorded import read_gaps

_ENTITIES: Final = 3_000
_OFFERED: Final = 5_000
_STEP: Final = 0.02
_CHUNK: Final = 2_000


class First(Entity, typename="bench/first"):
    n: int = persisted(default=0)

    @handles
    def add(self, message: int) -> None:
        self.n += message
        self.send(Address("bench/second", self.id), message)


class Second(Entity, typename="bench/second"):
    n: int = persisted(default=0)

    @handles
    def add(self, message: int) -> None:
        self.n += message


class Rates(NamedTuple):
    """Messages per second: of the offered ones, and saturated by the clock and by processor time."""

    offered: float
    saturated: float
    saturated_by_processor: float


def _messages(numbers: range) -> list[IngressMessage]:
    return [IngressMessage(First.at(str(number * 7 % _ENTITIES)), pack(1)) for number in numbers]


async def _offered(engine: Engine, seconds: float) -> float:
    step = round(_OFFERED * _STEP / 2)
    began = time.perf_counter()
    for number in range(round(seconds / _STEP)):
        engine.take_all(_messages(range(number * step, (number + 1) * step)), _ignore)
        await asyncio.sleep(max(0.0, began + (number + 1) * _STEP - time.perf_counter()))
    await engine.idle()
    return 2 * step * round(seconds / _STEP) / (time.perf_counter() - began)


async def _saturated(engine: Engine, messages: int) -> tuple[float, float]:
    chunks = [_messages(range(begin, begin + _CHUNK)) for begin in range(0, messages, _CHUNK)]
    gc.collect()
    began, used = time.perf_counter(), time.process_time()
    for chunk in chunks:
        taken: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        engine.take_all(chunk, taken.set_result)
        await taken
    await engine.idle()
    return 2 * messages / (time.perf_counter() - began), 2 * messages / (time.process_time() - used)


def _ignore(_: Answer) -> None:
    pass


async def rates(history: int, folder: Path, messages: int, seconds: float) -> Rates:
    store = open_store(folder / "bench.db")
    engine = Engine(Application(First, Second), store, SystemClock(), options=EngineOptions(history=history))
    running = asyncio.create_task(engine.run())
    offered = await _offered(engine, seconds)
    saturated = await _saturated(engine, messages)
    await engine.stop()
    await running
    if history:
        shed = sum(gap.count for gap in read_gaps(store))
        stored = sum(size for _, size in store.history_sizes())
        print(f"history: {shed:,} of {2 * messages:,} messages at saturation not recorded; {stored:,} bytes in all")
    store.close()
    return Rates(offered, *saturated)


def rounds(count: int, messages: int, seconds: float) -> Mapping[int, list[Rates]]:
    found: dict[int, list[Rates]] = {0: [], 100: []}
    for number in range(count + 1):
        for history, each in found.items():
            with tempfile.TemporaryDirectory() as folder:
                rate = asyncio.run(rates(history, Path(folder), messages, seconds))
            if number:  # the first round warms up
                each.append(rate)
    return found


def figures(found: Mapping[int, list[Rates]]) -> list[Figure]:
    def figure(name: str, field: str, aim: float) -> Figure:
        on, off = ([getattr(rate, field) for rate in found[history]] for history in (100, 0))
        return Figure(name=name, ours=on, peer="off", theirs=off, aim=aim)

    return [
        figure("messages, 5,000 a second offered, history on", "offered", 0.95),
        figure("messages, saturated, history on", "saturated", 0.75),
        figure("messages a second of processor time, history on", "saturated_by_processor", 0.75),
    ]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=40_000, help="messages from outside in a round")
    parser.add_argument("--seconds", type=float, default=2.0, help="for which messages are offered in a round")
    options = parser.parse_args()
    report(figures(rounds(options.rounds, options.messages, options.seconds)), options)


if __name__ == "__main__":
    main()
