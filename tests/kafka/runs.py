"""An engine with Kafka ingresses and egresses, as ``run --module`` makes one, and its results."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from statefun_actors import Address, Entity, handles, message, persisted
from statefun_actors.connectors.kafka import BAD_RECORDS, KafkaSource
from statefun_actors.connectors.kafka.consumer import ReaderOptions
from statefun_actors.deploy import KafkaIngress, Topic
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, SystemClock
from statefun_actors.store import MemoryStore, Store
from statefun_actors.store.sqlite import SqliteStore
from tests.kafka.topics import SECONDS
from tests.kafka.waiting import until


@message("kafka/add")
class Add:
    amount: int


class Counter(Entity, typename="kafka/counter"):
    """Counts its messages, and keeps their order."""

    total: int = persisted(default=0)
    amounts: list[int] = persisted(factory=list)

    @handles(Add)
    def add(self, message: Add) -> None:
        self.total += message.amount
        self.amounts.append(message.amount)


class Twin(Entity, typename="kafka/twin"):
    total: int = persisted(default=0)

    @handles(Add)
    def add(self, message: Add) -> None:
        self.total += message.amount


APP: Final = Application(Counter, Twin)


def add(amount: int) -> bytes:
    return msgspec.json.encode({"amount": amount})


def ingress(address: str, *topics: str, targets: Sequence[str] = ("kafka/counter",), **more: Any) -> KafkaIngress:
    """An ingress of *topics*, read from their beginning by default."""
    more.setdefault("startup", "earliest")
    found = [Topic(topic=name, value_type="kafka/add", targets=targets) for name in topics]
    return KafkaIngress(id="kafka/in", address=address, topics=found, **more)


class Running:
    """An engine that works."""

    def __init__(self, engine: Engine, source: KafkaSource) -> None:
        self.engine, self.source = engine, source

    def amounts(self, id: str) -> list[int]:
        """The messages of the counter *id*, in order; some may not be durable yet."""
        found = self.engine.view.state(Address("kafka/counter", id)).get("amounts")
        return [] if found is None else msgspec.json.decode(found.value, type=list[int])

    async def until(self, what: Callable[[], object], seconds: float = SECONDS) -> None:
        await until(what, seconds)

    def bad_records(self) -> list[dict[str, Any]]:
        kept = self.engine.store.egress_after(0, 1_000, [BAD_RECORDS])
        return [msgspec.json.decode(record.value.value) for record in kept]


@asynccontextmanager
async def running(
    ingress: KafkaIngress, store: Store | Path | None = None, *, app: Application = APP, **options: Any
) -> AsyncGenerator[Running]:
    """With *ingress*, over *store*, or the one in that file, or one in memory. Ends in good order."""
    opened = store if store is not None else MemoryStore()
    if isinstance(opened, Path):
        opened = SqliteStore(opened)
    source = KafkaSource(ingress, ReaderOptions(**options))
    try:
        engine = Engine(app, opened, SystemClock(), sources={ingress.id: source})
        working = asyncio.create_task(engine.run())
        try:
            yield Running(engine, source)
        finally:
            await engine.stop()
            await working
    finally:
        source.close()
        if isinstance(store, Path):
            opened.close()


async def ran_to_the_end(ingress: KafkaIngress, store: Store | Path | None = None, **more: Any) -> Running:
    """One that has read all there is, and ended."""
    async with running(ingress, store, until_end=True, **more) as run:
        await asyncio.wait_for(run.engine.idle(), SECONDS)
    return run
