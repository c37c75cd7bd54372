"""Reads entities of a store file as instances of their class, with or without an engine running on it."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from statefun_actors.engine import SystemClock, to_ms
from statefun_actors.entity import Entity, hydrate
from statefun_actors.store import expire, open_reader, unpack

_E = TypeVar("_E", bound=Entity)


def read_entities(
    path: Path | str, cls: type[_E], prefix: str = "", *, now: datetime | None = None
) -> Iterator[tuple[str, _E]]:
    """Every stored entity of class *cls* whose id begins with *prefix*: its id and a detached instance, by id.

    Uncommitted changes of an engine are not visible. States that have expired by *now* (default: the current time) are
    absent, and so are entities without states. Memory does not grow with the number of entities.

    Raises:
        StoreError: with the first entity: there is no store in *path*, or it can't be read.
        StateDecodeError: a stored state does not fit its field; DamagedStateError if none of an entity can be read.
    """
    function = cls.__function_type__
    now_ms = SystemClock().now_ms() if now is None else to_ms(now)
    store = open_reader(path)
    try:
        names = (
            function.typename,
            *function.was,
        )  # data of former names may not have been moved yet
        rows = heapq.merge(*(store.entities(name, prefix) for name in names), key=lambda row: row.address.id)
        for row in rows:
            record = unpack(row.address, row.packed, function.state_names)
            expire(record, function.states, now_ms)
            if any(state is not None for state in record.state.values()):
                yield row.address.id, hydrate(cls, row.address, record.state)
    finally:
        store.close()
