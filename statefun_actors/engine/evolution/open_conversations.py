"""The open asks and recurring messages of a store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from statefun_actors.address import Address
from statefun_actors.asking import REPLY, SCHEDULE
from statefun_actors.conversations import OpenAsk, OpenSchedule, open_ask, open_schedule
from statefun_actors.model import State
from statefun_actors.store import DamagedStateError, StoreReader, unpack


def open_asks(store: StoreReader, prefix: str = "") -> Iterator[OpenAsk]:
    """The open asks whose tokens begin with *prefix*, by token."""
    for address, state in _states(store, REPLY, prefix):
        if (ask := open_ask(address.id, state)) is not None:
            yield ask


def open_schedules(store: StoreReader) -> Iterator[OpenSchedule]:
    """The recurring messages, by id."""
    for _, state in _states(store, SCHEDULE, ""):
        if (schedule := open_schedule(state)) is not None:
            yield schedule


def _states(store: StoreReader, typename: str, prefix: str) -> Iterator[tuple[Address, State]]:
    for row in store.entities(typename, prefix):
        with contextlib.suppress(DamagedStateError):  # `statefun-actors check` reports it
            yield row.address, unpack(row.address, row.packed, ()).state
