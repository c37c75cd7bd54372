"""Engines for tests: over a store whose commits can be held up or made to fail, and conditions to wait for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from statefun_actors import Address
from statefun_actors.dispatch import Application
from statefun_actors.engine import Clock, Engine, EngineOptions, Inbox, ManualClock, Sink, Source
from statefun_actors.engine.inboxes import OpenInbox
from statefun_actors.ingress import Answer, IngressMessage, Taken
from statefun_actors.model import TypedValue
from statefun_actors.store import Commit, MemoryStore, Recovered, Store, StoreError
from statefun_actors.types import pack, value_of

DEADLINE = 10.0


class HeldStore(MemoryStore):
    """A memory store whose commits wait until they are let go; while ``fail`` is set they fail, and recovery, too."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = asyncio.Event()
        self.let_go.set()
        self.fail = False
        self.fail_reads = 0
        """How many of the next reads of entities fail."""
        self.begun = 0

    async def commit(self, commit: Commit) -> None:
        self.begun += 1
        await self.let_go.wait()
        if self.fail:
            raise StoreError("test", "the disk is full")
        await super().commit(commit)

    def recover(self) -> Recovered:
        if self.fail:
            raise StoreError("test", "the disk is full")
        return super().recover()

    def load(self, addresses: Sequence[Address]) -> list[bytes | None]:
        if self.fail_reads:
            self.fail_reads -= 1
            raise StoreError("test", "the disk can't be read")
        return super().load(addresses)


class Listed:
    """A source of messages that are there already."""

    def __init__(self, messages: Sequence[tuple[Address, int]]) -> None:
        self.messages, self.at, self.exhausted = messages, 0, False

    def resume(self, position: str | None) -> None:
        self.at = int(position or 0)
        self.exhausted = False

    def read(self, most: int, inbox: Inbox) -> str | None:
        chunk = self.messages[self.at : self.at + most]
        for target, number in chunk:
            inbox.submit(target, pack(number))
        self.at += len(chunk)
        self.exhausted = not chunk
        return f"{self.at}" if chunk else None


@asynccontextmanager
async def running(
    *served: object,
    app: Application | None = None,
    store: Store | None = None,
    clock: Clock | None = None,
    options: EngineOptions | None = None,
    sources: Mapping[str, Source] | None = None,
    sinks: Mapping[str, Sink] | None = None,
) -> AsyncGenerator[Engine]:
    """An engine that runs, and is stopped without waiting for handlers that are suspended."""
    engine = Engine(
        app if app is not None else Application(*served),
        store or MemoryStore(),
        clock or ManualClock(),
        options=options,
        sources=sources,
        sinks=sinks,
    )
    task = asyncio.create_task(engine.run())
    try:
        async with asyncio.timeout(3 * DEADLINE):
            yield engine
    finally:
        if isinstance(store, HeldStore):
            store.let_go.set()
        await engine.stop(drain=0)
        await asyncio.wait_for(task, DEADLINE)


def send(engine: Engine, target: Address, value: TypedValue, *, delay_ms: int = 0) -> list[Answer]:
    """A message from outside. Returns a list of its answer, which is empty until that comes.

    Raises:
        AssertionError: the engine refuses it at once.
    """
    answers: list[Answer] = []
    engine.take(IngressMessage(target, value, delay_ms), answers.append)
    assert not answers or answers == [Taken()], answers
    return answers


def inbox_of(engine: Engine) -> Inbox:
    """The inbox that sources fill."""
    return OpenInbox(engine._core.working_set, engine.clock.now_ms, engine.wake)


def failing_egress(engine: Engine) -> dict[str, str]:
    """Why egresses can't be written, by name."""
    return {name: failure.reason for name, failure in engine.view.failing_egress.items()}


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition that the event loop will bring about."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - plain values have no event
            await asyncio.sleep(0)


def held(engine: Engine, address: Address, name: str) -> object:
    """A field as of now, None where it is absent."""
    stored = engine.view.state(address)[name]
    return None if stored is None else value_of(stored)
