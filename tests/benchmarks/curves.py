"""How the cost of a message grows: ``python -m tests.benchmarks.curves [NAME ...] [--full] [--svg FILE]``.

Each curve varies one size (entities stored, fields, bytes of state, messages in a batch, messages sent by one, open
asks, pending timers, messages waiting) and shows µs of processor time for a message on the embedded engine over SQLite.
Sizes take turns, round by round, and medians are shown. The *exponent* is the slope between the two largest sizes, both
axes logarithmic: 0 is a constant cost, 1 a cost in proportion to the size; above 1.2 the curve is super-linear, and the
command exits with 1.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import math
import statistics
import sys
import tempfile
import time
import types
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeAlias, cast

import attrs

from statefun_actors import Address, Entity, NoAnswer, answers, handles, message, persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, SystemClock
from statefun_actors.model import TypedValue
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import pack
from tests.engine.engines import send

ROUNDS: Final = 3
SUPER_LINEAR: Final = 1.2
_WEEK: Final = timedelta(days=7)


@message("curves/grow")
class Grow:
    size: int


@message("curves/spread")
class Spread:
    count: int


@message("curves/wait")
class Begin:
    """Ask an entity that does not answer; or wait for a timer."""

    timer: bool


class Counter(Entity, typename="curves/counter"):
    total: int = persisted(default=0)

    @handles
    def add(self, amount: int) -> None:
        self.total += amount

    @handles
    def spread(self, message: Spread) -> None:
        for number in range(message.count):
            self.send(Counter.at(f"{self.id}-{number}"), 1)


class Blob(Entity, typename="curves/blob"):
    count: int = persisted(default=0)
    content: bytes = persisted(default=b"")

    @handles
    def grow(self, message: Grow) -> None:
        self.content = b"x" * message.size

    @handles
    def change(self, amount: int) -> None:
        self.count += amount
        self.content = bytes([self.count % 256]) + self.content[1:]


class Silent(Entity, typename="curves/silent"):
    @handles
    def begin(self, message: Begin) -> bool | None:
        return None


class Waiting(Entity, typename="curves/waiting"):
    answered: int = persisted(default=0)

    @handles
    def begin(self, message: Begin) -> None:
        if message.timer:
            self.send_after(_WEEK, self.address, 1, cancellation_token=self.id)
        else:
            self.ask(Silent.at("silent"), message, then=self.done, timeout=_WEEK)

    @handles
    def add(self, amount: int) -> None:
        self.answered += amount

    @answers
    def done(self, answer: bool | NoAnswer) -> None:
        self.answered += 1


def with_fields(count: int) -> type[Entity]:
    """An entity class with *count* fields, of which messages change the last one."""

    def add(self: Entity, amount: int) -> None:
        setattr(self, f"field_{count - 1}", getattr(self, f"field_{count - 1}") + amount)

    add.__annotations__ = {"amount": int, "return": None}
    body: dict[str, object] = {f"field_{number}": persisted(default=1) for number in range(count)}
    body["__annotations__"] = {f"field_{number}": int for number in range(count)}
    body["add"] = handles(int)(add)
    name, options = f"Fields{count}", {"typename": f"curves/fields-{count}"}
    return cast("type[Entity]", types.new_class(name, (Entity,), options, lambda namespace: namespace.update(body)))


class Bench:
    """An engine over a store of its own."""

    def __init__(self, path: Path, *served: object) -> None:
        self._store = SqliteStore(path)
        self._engine = Engine(Application(*served), self._store, SystemClock())

    async def __aenter__(self) -> Bench:
        self._running = asyncio.create_task(self._engine.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._engine.stop()
        await self._running
        self._store.close()

    async def work(self, messages: Sequence[tuple[Address, TypedValue]]) -> float:
        """µs of processor time for each of *messages* and what follows from them."""
        before = time.process_time()
        for start in range(0, len(messages), 10_000):  # as many as an engine holds, and no more
            for target, value in messages[start : start + 10_000]:
                send(self._engine, target, value)
            await self._engine.settled()
        return (time.process_time() - before) / len(messages) * 1e6


Measure: TypeAlias = Callable[[Path, int], Coroutine[object, object, float]]


async def entities(path: Path, size: int) -> float:
    """Messages to entities at random among those stored."""
    async with Bench(path, Counter) as bench:
        await bench.work([(Counter.at(f"{number:08}"), pack(1)) for number in range(size)])
        chosen = [number * 2654435761 % size for number in range(2_000)]
        return await bench.work([(Counter.at(f"{number:08}"), pack(1)) for number in chosen])


async def fields(path: Path, size: int) -> float:
    """Messages that change one of this number of fields."""
    cls = with_fields(size)
    async with Bench(path, cls) as bench:
        messages = [(cls.at(f"{number}"), pack(1)) for number in range(200)]
        await bench.work(messages)
        return await bench.work(messages * 5)


async def state(path: Path, size: int) -> float:
    """Messages that change a field of this number of bytes."""
    async with Bench(path, Blob) as bench:
        await bench.work([(Blob.at(f"{number}"), pack(Grow(size))) for number in range(8)])
        return await bench.work([(Blob.at(f"{number % 8}"), pack(1)) for number in range(400)])


async def batch(path: Path, size: int) -> float:
    """Messages to one address, this number at a time."""
    async with Bench(path, Counter) as bench:
        await bench.work([(Counter.at("one"), pack(1))] * 100)
        turns = max(1, 300 // size)
        return sum([await bench.work([(Counter.at("one"), pack(1))] * size) for _ in range(turns)]) / turns


async def fan_out(path: Path, size: int) -> float:
    """A message that sends this number of others; µs for each of these."""
    async with Bench(path, Counter) as bench:
        await bench.work([(Counter.at("one"), pack(Spread(size)))])
        turns = max(1, 5_000 // size)
        return await bench.work([(Counter.at("one"), pack(Spread(size)))] * turns) / size


async def asks(path: Path, size: int) -> float:
    """Asks next to this number of open ones."""
    async with Bench(path, Waiting, Silent) as bench:
        begin = pack(Begin(timer=False))
        await bench.work([(Waiting.at(f"{number}"), begin) for number in range(size)])
        return await bench.work([(Waiting.at(f"more-{number}"), begin) for number in range(1_000)])


async def timers(path: Path, size: int) -> float:
    """Timers set next to this number of pending ones."""
    async with Bench(path, Waiting) as bench:
        begin = pack(Begin(timer=True))
        await bench.work([(Waiting.at(f"{number}"), begin) for number in range(size)])
        return await bench.work([(Waiting.at(f"more-{number}"), begin) for number in range(1_000)])


async def one_asker(path: Path, size: int) -> float:
    """Asks of one entity that has this number of open ones."""
    async with Bench(path, Waiting, Silent) as bench:
        begin = pack(Begin(timer=False))
        await bench.work([(Waiting.at("one"), begin)] * size)
        return await bench.work([(Waiting.at("one"), begin)] * 1_000)


@attrs.frozen
class Curve:
    """One size that is varied, as *measure* does, over *sizes*; *full* are those of ``--full``."""

    label: str
    measure: Measure
    sizes: Sequence[int]
    full: Sequence[int] = ()


CURVES: Final = {
    "entities": Curve("entities stored", entities, (100, 1_000, 10_000, 100_000), (1_000_000,)),
    "fields": Curve("fields of an entity", fields, (1, 10, 100, 1_000)),
    "state": Curve("bytes of state", state, (10, 1_000, 100_000), (1_000_000,)),
    "batch": Curve("messages in a batch", batch, (1, 10, 100, 1_000)),
    "fan-out": Curve("messages sent by one", fan_out, (1, 10, 100, 1_000)),
    "asks": Curve("open asks", asks, (10, 1_000, 10_000), (100_000,)),
    "one-asker": Curve("open asks of one entity", one_asker, (10, 1_000, 10_000), (100_000,)),
    "timers": Curve("pending timers", timers, (10, 1_000, 10_000, 100_000), (1_000_000,)),
}


def points(curve: Curve, sizes: Sequence[int]) -> dict[int, float]:
    """Size → µs of processor time for a message, the median of the rounds."""
    taken: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(ROUNDS):
        for size in sizes:
            with tempfile.TemporaryDirectory() as folder:
                gc.collect()
                taken[size].append(asyncio.run(curve.measure(Path(folder) / "store.db", size)))
    return {size: statistics.median(values) for size, values in taken.items()}


def exponent(found: dict[int, float]) -> float:
    """The slope between the two largest sizes, both axes logarithmic."""
    (size, cost), (larger, more) = list(found.items())[-2:]
    return math.log(more / cost) / math.log(larger / size)


def plot(found: dict[str, dict[int, float]], path: Path) -> None:
    """Write one panel for each curve to *path*, as SVG."""
    import matplotlib.pyplot as plt  # half a second, which only who plots should wait

    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "curves", "font.size": 8})
    columns = min(4, len(found))
    rows = math.ceil(len(found) / columns)
    figure, panels = plt.subplots(rows, columns, figsize=(2.4 * columns, 2.1 * rows), squeeze=False)
    for panel in panels.flat[len(found) :]:
        panel.set_visible(False)
    for panel, (name, curve) in zip(panels.flat, found.items(), strict=False):
        panel.loglog(list(curve), list(curve.values()), marker="o", markersize=3, linewidth=1)
        panel.set_title(CURVES[name].label, fontsize=8)
        panel.set_ylim(bottom=1, top=10_000)
        panel.minorticks_off()
    figure.supylabel("µs of processor time for a message", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(CURVES)} (default: all)")
    parser.add_argument("--full", action="store_true", help="larger sizes, too; takes minutes")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="plot the curves to FILE, too")
    parser.add_argument("--smallest", action="store_true", help="the two smallest sizes alone, to try the command")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in CURVES]:
        parser.error(f"unknown curve {unknown[0]!r}; expected one of: {', '.join(CURVES)}")
    failed, all_found = False, dict[str, dict[int, float]]()
    for name in arguments.names or CURVES:
        curve = CURVES[name]
        sizes = curve.sizes[:2] if arguments.smallest else (*curve.sizes, *(curve.full if arguments.full else ()))
        all_found[name] = found = points(curve, sizes)
        slope = exponent(found)
        failed = failed or slope > SUPER_LINEAR
        costs = "   ".join(f"{size:,}: {cost:,.0f} µs" for size, cost in found.items())
        print(f"{curve.label:24} {costs}   exponent {slope:+.2f}{'  SUPER-LINEAR' if slope > SUPER_LINEAR else ''}")
    if arguments.svg is not None:
        plot(all_found, arguments.svg)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
