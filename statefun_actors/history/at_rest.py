"""Adds changes of an operator to the history of a store on which no engine runs."""

from __future__ import annotations

from collections.abc import Sequence

from statefun_actors.history.change_rows import change_rows
from statefun_actors.history.entries import gap_row, key_of, row_of
from statefun_actors.history.reading import read_keep
from statefun_actors.history.step import LARGEST_EPOCH, Step, packed_or_none
from statefun_actors.store import HistoryRow, StoreReader


def append_steps(store: StoreReader, steps: Sequence[Step]) -> list[HistoryRow]:
    """The rows of a commit that adds *steps*; none if *store* keeps no history.

    If they are too large together, only the last ones of those with messages are added, and a gap for the messages of
    the others. All of those without messages are added.
    """
    if not steps or not read_keep(store):
        return []
    sizes = store.history_sizes()
    first = sizes[-1][0] + 1 if sizes else 1
    entries: list[bytes] = []
    keys: dict[str, None] = {}
    size = left_out = 0
    older: Sequence[Step] = ()
    for index in range(len(steps) - 1, -1, -1):
        step = steps[index]
        packed = packed_or_none(step)
        if packed is None:
            left_out += len(step.messages)
            continue
        size += len(packed)
        if size > LARGEST_EPOCH:
            older = steps[: index + 1]
            left_out += sum(len(each.messages) for each in older)
            break
        entries.append(packed)
        keys[key_of(*step.address)] = None
    rows = change_rows(older, first)
    if entries:
        rows.append(row_of(first + len(rows), keys, entries[::-1]))
    if left_out:
        rows.append(gap_row(first + len(rows), steps[0].at_ms, steps[-1].at_ms, left_out))
    return rows
