"""Adds changes of an operator to the history of a store on which no engine runs."""

from __future__ import annotations

from collections.abc import Mapping

from statefun_actors.address import Address
from statefun_actors.history.entries import KEEP, key_of, row_of
from statefun_actors.store import HistoryRow, StoreReader


def append_entries(store: StoreReader, entries: Mapping[Address, bytes]) -> list[HistoryRow]:
    """The rows of a commit that adds packed *entries*, one of each entity; none if *store* keeps no history."""
    if not entries or store.recover().positions.get(KEEP, "0") == "0":
        return []
    sizes = store.history_sizes()
    seq = sizes[-1][0] + 1 if sizes else 1
    return [row_of(seq, dict.fromkeys(key_of(*address) for address in entries), [*entries.values()])]
