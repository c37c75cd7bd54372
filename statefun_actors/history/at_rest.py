"""Adds changes of an operator to the history of a store on which no engine runs."""

from __future__ import annotations

from collections.abc import Sequence

from statefun_actors.history.entries import gap_row, key_of, row_of
from statefun_actors.history.reading import read_keep
from statefun_actors.history.step import LARGEST_EPOCH, Step, packed_or_none
from statefun_actors.store import HistoryRow, StoreReader


def append_steps(store: StoreReader, steps: Sequence[Step]) -> list[HistoryRow]:
    """The rows of a commit that adds *steps*; none if *store* keeps no history.

    If they are too large together, only the last ones are added, and a gap for the messages of the others.
    """
    if not steps or not read_keep(store):
        return []
    sizes = store.history_sizes()
    seq = sizes[-1][0] + 1 if sizes else 1
    entries: list[bytes] = []
    keys: dict[str, None] = {}
    size = left_out = 0
    for step in reversed(steps):
        packed = packed_or_none(step) if size <= LARGEST_EPOCH else None
        size += 0 if packed is None else len(packed)
        if packed is None or size > LARGEST_EPOCH:
            left_out += len(step.messages)
            continue
        entries.append(packed)
        keys[key_of(*step.address)] = None
    rows = [row_of(seq, keys, entries[::-1])] if entries else []
    if left_out:
        rows.append(gap_row(seq + 1, steps[0].at_ms, steps[-1].at_ms, left_out))
    return rows
