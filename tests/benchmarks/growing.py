"""Engines of which one size grows, and the cost of a message at each: what curves show."""

from __future__ import annotations

import asyncio
import time
import types
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeAlias, cast

from statefun_actors import Address, Entity, NoAnswer, answers, handles, message, persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, SystemClock
from statefun_actors.model import TypedValue
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import pack
from tests.engine.engines import send

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
