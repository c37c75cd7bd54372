"""Systems of several partitions in one event loop: real engines, real Unix sockets, stores in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from statefun_actors import Address, Entity
from statefun_actors.assembly.partitions import LinkService, Neighbours
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, EngineOptions, SystemClock
from statefun_actors.ingress import Answer, IngressMessage, Wait
from statefun_actors.model import TypedValue
from statefun_actors.partitions import Partition, partition_of
from statefun_actors.store import MemoryStore, Store

DEADLINE = 30.0


class Member:
    """One partition, which can be stopped and started again on its store."""

    def __init__(self, app: Application, own: Partition, sockets: Path, store: Store, options: EngineOptions) -> None:
        self._app, self._options = app, options
        self.store = store
        self._neighbours = Neighbours(own, "test", sockets, sockets)
        self._engine: Engine | None = None
        self._running: asyncio.Task[None] | None = None
        self._link: LinkService | None = None

    @property
    def engine(self) -> Engine:
        assert self._engine is not None
        return self._engine

    async def start(self) -> None:
        sources = self._neighbours.sources()
        self._engine = Engine(
            self._app,
            self.store,
            SystemClock(),
            sources=dict(sources),
            sinks=dict(self._neighbours.sinks()),
            options=self._options,
        )
        self._running = asyncio.create_task(self._engine.run())
        self._link = LinkService(self._neighbours, sources.values())
        await self._link.open(self._engine)

    async def stop(self) -> None:
        if self._running is None:
            return
        assert self._link is not None
        await self._link.refuse()
        await self.engine.stop(drain=0)
        await self._running
        self._running = None


class System:
    """All partitions of one system."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members

    def at(self, address: Address) -> Member:
        """The partition of *address*."""
        return self.members[partition_of(address, len(self.members))]

    async def ask(self, target: Address, value: TypedValue, *, wait: Wait = Wait.HANDLED) -> Answer:
        """Send a message to the partition of its target, as the HTTP ingress does."""
        return await self.take(IngressMessage(target, value, wait=wait))

    async def take(self, message: IngressMessage) -> Answer:
        """Send *message* to the partition of its target."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.at(message.target).engine.take(message, answer.set_result)
        return await asyncio.wait_for(answer, DEADLINE)

    def state(self, address: Address, name: str) -> TypedValue | None:
        return self.at(address).engine.view.state(address)[name]


@asynccontextmanager
async def system(
    folder: Path, *served: type[Entity], stores: Sequence[Store] | None = None, egress_backlog: int = 1_000_000
) -> AsyncGenerator[System]:
    """A system of *stores*, by default two in memory."""
    app = Application(*served)
    count = 2 if stores is None else len(stores)
    members: list[Member] = []
    for number, store in enumerate(stores or [MemoryStore() for _ in range(count)]):
        own = Partition(number, count)
        members.append(Member(app, own, folder, store, EngineOptions(partition=own, egress_backlog=egress_backlog)))
    try:
        for member in members:
            await member.start()
        async with asyncio.timeout(DEADLINE):
            yield System(members)
    finally:
        for member in members:
            await member.stop()


def id_in(partition: int, typename: str, count: int = 2, *, after: int = 0) -> str:
    """An id whose entity is in *partition*."""
    return next(
        id for id in map(str, range(after, after + 10_000)) if partition_of(Address(typename, id), count) == partition
    )
