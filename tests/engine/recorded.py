"""Writes a history into a store, as an engine does, and reads its gaps."""

from __future__ import annotations

from collections.abc import Sequence

from statefun_actors import Address
from statefun_actors.history import KEEP, Entry, Kind, Recorder, Step, read_history
from statefun_actors.history.entries import entries_of, key_of
from statefun_actors.history.reading import NEWEST
from statefun_actors.model import Send
from statefun_actors.store import Commit, Message, Store, StoreReader
from statefun_actors.types import pack

E = Address("t/e", "a")


def steps(count: int, *, first: int = 1, entity: Address = E, at_ms: int = 1) -> list[Step]:
    """*count* batches of one message each; the value of a message is its number."""
    effects = [(Send(entity, pack(1)), 7)]
    return [
        Step(entity, at_ms, Kind.HANDLED, 0.001, [Message(seq, entity, pack(seq))], [1], effects=effects)
        for seq in range(first, first + count)
    ]


async def commit(store: Store, recorder: Recorder, of: Sequence[Step], *, full: bool = False) -> None:
    """One epoch with the steps *of*."""
    recorded = recorder.seal(of, (), full=full)
    assert recorded is not None
    await store.commit(Commit(history=recorded.rows, history_done=recorded.done))


async def record_with_gap(store: Store, entity: Address, *, older: int, newer: int, keep: int) -> None:
    """*older* messages of *entity* with the numbers 1, 2, …, then a gap of 1,234, then *newer* ones."""
    recorder = Recorder(store, 10_000, lambda: 1)
    if older:
        await commit(store, recorder, steps(older, entity=entity, at_ms=1_000))
    recorder.share = 1.0
    await commit(store, recorder, steps(1_234, entity=entity, at_ms=2_000), full=True)
    if newer:
        await commit(store, recorder, steps(newer, first=older + 1, entity=entity, at_ms=3_000))
    await store.commit(Commit(positions={KEEP: f"{keep}"}))


def read_gaps(store: StoreReader) -> list[Entry]:
    """The last gaps, newest first."""
    return [entry for _, entry in read_history(store, [Address("t/none", "none")]) if entry.kind == Kind.GAP]


def read_addresses(store: StoreReader, of: Sequence[Step]) -> list[Address]:
    """The addresses of the entries of those entities, oldest first. Each row is unpacked once: it may hold many."""
    rows = {row.seq: row for step in of for row in store.history(key_of(*step.address), NEWEST.row, 10)}
    return [Address(entry.type, entry.id) for seq in sorted(rows) for entry in entries_of(rows[seq])]
