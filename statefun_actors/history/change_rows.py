"""Rows for changes by operators that have no place in the row of their epoch, which has a largest size."""

from __future__ import annotations

from collections.abc import Sequence

from statefun_actors.history.entries import key_of, row_of
from statefun_actors.history.step import LARGEST_EPOCH, Step, packed_or_none
from statefun_actors.store import HistoryRow


def change_rows(steps: Sequence[Step], first: int) -> list[HistoryRow]:
    """The rows *first*, *first* + 1, … of the changes without messages among *steps*, which are in their order.

    Such a change is small, so there is no limit to their number: each row has as many as an epoch can have.
    """
    rows: list[HistoryRow] = []
    entries: list[bytes] = []
    keys: dict[str, None] = {}
    size = 0
    for step in steps:
        packed = packed_or_none(step) if step.is_change and not step.messages else None
        if packed is None:
            continue
        if size + len(packed) > LARGEST_EPOCH:
            rows.append(row_of(first + len(rows), keys, entries))
            entries, keys, size = [], {}, 0
        entries.append(packed)
        keys[key_of(*step.address)] = None
        size += len(packed)
    if entries:
        rows.append(row_of(first + len(rows), keys, entries))
    return rows
