"""Each start of an engine whose records become durable is in its store: so those of a copy are told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import pytest

from statefun_actors.engine import EgressQueue, Lineage, Sink
from statefun_actors.store import Commit, EgressRecord, MemoryStore
from statefun_actors.types import pack
from tests.engine.engines import running, send, until
from tests.engine.sinks import OUT, ListSink, Teller

BACKUP = 50
"""The greatest number in the backup."""


class CountedStore(MemoryStore):
    """A store in memory that counts its commits."""

    commits = 0

    async def commit(self, commit: Commit) -> None:
        self.commits += 1
        await super().commit(commit)


class ComparingSink(ListSink):
    """Writes nothing, and keeps the lineage of the store, as a sink to ``exactly-once`` topics does."""

    needs_lineage: Literal[True] = True

    def __init__(self) -> None:
        super().__init__(open=False)
        self.lineage: Lineage | None = None

    async def run(self, outlet: EgressQueue) -> None:
        self.lineage = outlet.lineage
        await super().run(outlet)


async def restored() -> tuple[CountedStore, Lineage]:
    """A backup, and the lineage of its original, which goes on after it."""
    store, sink = CountedStore(), ComparingSink()
    await store.commit(Commit(egress=[EgressRecord(BACKUP, "test/kept", pack(0))], next_seq=BACKUP + 1))
    async with running(Teller, store=store, sinks={OUT: sink}) as engine:
        await engine.settled()
    assert sink.lineage is not None
    store.commits = 0
    return store, sink.lineage


async def emit(store: MemoryStore, sinks: Mapping[str, Sink]) -> None:
    async with running(Teller, store=store, sinks=sinks) as engine:
        for number in range(60):
            send(engine, Teller.at("a"), pack(number))
        await until(lambda: store.egress_counts()[OUT] == 60)


@pytest.mark.parametrize("others", [False, True])
async def test_records_of_a_restored_store_that_first_runs_without_the_sink_do_not_count_as_written(
    *, others: bool
) -> None:
    store, original = await restored()
    await emit(store, {"test/other": ListSink()} if others else {})
    sink = ComparingSink()
    async with running(Teller, store=store, sinks={OUT: sink}):
        await until(lambda: sink.lineage is not None)
    assert sink.lineage is not None
    assert sink.lineage.shared_with(100, Lineage.read(original.noted)) == BACKUP


async def test_a_start_without_a_sink_that_compares_is_written_with_the_first_commit_only() -> None:
    store, _ = await restored()
    before = store.recover().positions["lineage"]
    async with running(Teller, store=store) as engine:
        await engine.settled()
        assert (store.commits, store.recover().positions["lineage"]) == (0, before)
        send(engine, Teller.at("a"), pack(1))
        await engine.settled()
        commits, first = store.commits, store.recover().positions["lineage"]
        assert commits > 0
        assert first != before
        send(engine, Teller.at("a"), pack(2))
        await engine.settled()
        assert store.recover().positions["lineage"] == first
