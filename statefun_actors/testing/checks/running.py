"""Engines over memory stores, for the checks of sinks and sources."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from statefun_actors.definition import persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, ManualClock, Sink, Source
from statefun_actors.entity import Entity, handles
from statefun_actors.store import Commit, EgressRecord, MemoryStore, StoreError
from statefun_actors.types import pack

OUT: Final = "check/out"
"""The egress to which the checks of sinks send."""
SECONDS: Final = 30.0
"""The longest time that a check waits."""


class Numbers(Entity, typename="check/numbers"):
    """Keeps the numbers of its messages in their order, and sends each to the egress."""

    seen: list[int] = persisted(factory=list)

    @handles(int)
    def note(self, number: int) -> None:
        self.seen.append(number)
        self.send_egress(OUT, number)


class LossyStore(MemoryStore):
    """A memory store that loses commits: for the engine they fail."""

    _lost: Collection[int] = ()
    _stored = False
    _commits = 0

    def lose(self, numbers: Collection[int], *, stored: bool) -> None:
        """Lose the commits with *numbers*; the next one is 0.

        Args:
            numbers: of the commits that fail.
            stored: whether those are stored nevertheless, so that only their answer is lost.
        """
        self._lost, self._stored, self._commits = numbers, stored, 0

    async def commit(self, commit: Commit) -> None:
        number, self._commits = self._commits, self._commits + 1
        if number not in self._lost:
            await super().commit(commit)
            return
        if self._stored:
            await super().commit(commit)
        raise StoreError("of this check", f"commit {number} was lost")


async def add_records(store: MemoryStore, numbers: Sequence[int]) -> None:
    """Put egress records with *numbers* into *store*, as an engine without a sink would."""
    first = store.recover().next_seq
    records = [EgressRecord(first + at, OUT, pack(number)) for at, number in enumerate(numbers)]
    await MemoryStore.commit(store, Commit(egress=records, next_seq=first + len(records)))


@asynccontextmanager
async def running(
    store: MemoryStore, *, sink: Sink | None = None, sources: Mapping[str, Source] | None = None
) -> AsyncGenerator[Engine]:
    """An engine over *store*, which is stopped at the end without waiting for its sink."""
    sinks = {} if sink is None else {OUT: sink}
    engine = Engine(Application(Numbers), store, ManualClock(), sources=sources, sinks=sinks)
    work = asyncio.create_task(engine.run())
    try:
        yield engine
    finally:
        await engine.stop(drain=0)
        await work


async def until_written(engine: Engine, store: MemoryStore) -> None:
    """Wait until the sink has written all records of *store*.

    Raises:
        AssertionError: it can't, or it takes more than 30 seconds.
    """
    async with in_time(lambda: f"expected queue.done() for all records, got none for {_unwritten(store)} of them"):
        await engine.settled()
    if (failure := engine.view.failing_egress.get(OUT)) is not None:
        raise AssertionError(f"the sink can't write: {failure.reason}")
    assert not _unwritten(store)


def _unwritten(store: MemoryStore) -> int:
    """The number of records that no sink has written."""
    return sum(store.egress_counts().values())


@asynccontextmanager
async def in_time(problem: Callable[[], str]) -> AsyncGenerator[None]:
    """Raise AssertionError with *problem* if the block takes more than 30 seconds."""
    try:
        async with asyncio.timeout(SECONDS):
            yield
    except TimeoutError:
        raise AssertionError(f"{problem()} after {SECONDS:g} s") from None
