"""The cost of an ask next to two plain sends: ``python -m tests.benchmarks.asks [--profile]``.

Embedded, in process, over a memory store. A thousand entities are told to talk to a thousand others: once by a send and
a send back, once by an ask whose answer runs its ``then``. Both take turns, and the median of the processor time of the
one is compared to that of the other. Then a chain of 1,000 entities, each of which asks the next before it answers,
beside the same chain of sends.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from datetime import timedelta
from typing import Final

from statefun_actors import Address, Entity, NoAnswer, answers, handles, message, persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, SystemClock
from statefun_actors.model import TypedValue
from statefun_actors.store import MemoryStore
from statefun_actors.types import pack
from tests.benchmarks.figures import Figure, parser_of, profiled, report
from tests.engine.engines import send

MOST_RATIO: Final = 3.5
MOST_US_A_HOP: Final = 25.0
PAIRS, TURNS, HOPS = 1_000, 30, 1_000


@message("bench/reserve")
class Reserve:
    count: int


@message("bench/reserved")
class Reserved:
    left: int


class Stock(Entity, typename="bench/stock"):
    left: int = persisted(default=0)

    @handles
    def reserve(self, message: Reserve) -> Reserved:
        self.left += message.count
        return Reserved(self.left)


class Order(Entity, typename="bench/order"):
    done: int = persisted(default=0)

    @handles(bool)
    def begin(self, ask: bool) -> None:
        if ask:
            self.ask(Stock.at(self.id), Reserve(1), then=self.answered, timeout=timedelta(seconds=5))
        else:
            self.send(Stock.at(self.id), Reserve(1))

    @handles(Reserved)
    def reserved(self, reserved: Reserved) -> None:
        self.done += 1

    @answers
    def answered(self, answer: Reserved | NoAnswer) -> None:
        self.done += 1


class Chain(Entity, typename="bench/chain"):
    """Passes a number down a chain, and back."""

    done: int = persisted(default=0)

    @handles(int)
    def begin(self, left: int) -> int | None:
        if left == 0:
            return 0
        self.ask(Chain.at(str(left - 1)), left - 1, then=self.back)
        return None

    @answers
    def back(self, answer: int | NoAnswer) -> int:
        assert isinstance(answer, int)
        self.done = answer + 1
        return self.done

    @handles(str)
    def down(self, text: str) -> None:
        left = int(text)
        if left == 0:
            self.send(Chain.at("1"), 0.0)
        else:
            self.send(Chain.at(str(left - 1)), str(left - 1))

    @handles(float)
    def up(self, number: float) -> None:
        self.done = int(number)
        if number < HOPS:
            self.send(Chain.at(str(int(number) + 1)), number + 1)


async def _spent(engine: Engine, messages: list[tuple[Address, TypedValue]]) -> float:
    """Seconds of processor time until all that follows from *messages* has happened."""
    gc.collect()
    before = time.process_time()
    for target, value in messages:
        send(engine, target, value)
    await engine.settled()
    return time.process_time() - before


async def measure(*, profile: bool) -> list[Figure]:
    """The figures. *profile*: show where asks spend their time as well."""
    engine = Engine(Application(Order, Stock, Chain), MemoryStore(), SystemClock())
    running = asyncio.create_task(engine.run())
    plain = [(Order.at(str(number)), pack(False)) for number in range(PAIRS)]
    asked = [(Order.at(str(number)), pack(True)) for number in range(PAIRS)]
    times: dict[bool, list[float]] = {False: [], True: []}
    for turn in range(TURNS):
        for ask in (False, True) if turn % 2 else (True, False):
            times[ask].append(await _spent(engine, asked if ask else plain))
    assert engine.view.state(Order.at("7"))["done"] == pack(2 * TURNS)
    top = Chain.at(str(HOPS))
    chains: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(5):
        chains[False].append(await _spent(engine, [(top, pack(str(HOPS)))]))
        chains[True].append(await _spent(engine, [(top, pack(HOPS))]))
    if profile:
        with profiled():
            for _ in range(5):
                await _spent(engine, asked)
    await engine.stop()
    await running
    exchange, ask_time = (statistics.median(times[ask]) / PAIRS * 1e6 for ask in (False, True))
    hops = [(asks - sends) / HOPS * 1e6 for asks, sends in zip(chains[True], chains[False], strict=True)]
    print(f"a send and a send back {exchange:.1f} µs, an ask and its answer {ask_time:.1f} µs")
    return [
        Figure(
            name="an ask and its answer: processor time",
            ours=times[True],
            peer="a send and a send back",
            theirs=times[False],
            aim=MOST_RATIO,
            at_least=False,
        ),
        Figure(
            name="a hop of a chain of asks beyond one of sends", ours=hops, aim=MOST_US_A_HOP, at_least=False, unit="µs"
        ),
    ]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    report(asyncio.run(measure(profile=arguments.profile)), arguments)


if __name__ == "__main__":
    main()
