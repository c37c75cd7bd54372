"""Selects the control for a store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from statefun_actors.admin.control.interface import Control
from statefun_actors.admin.control.over_partitions import PartitionsControl
from statefun_actors.admin.control.over_socket import SocketControl
from statefun_actors.admin.control.over_store import StoreControl
from statefun_actors.engine import SystemClock
from statefun_actors.partitions import Partition
from statefun_actors.store import (
    StoreError,
    StoreInUseError,
    contact_of,
    count_partitions,
    has_partitions,
    open_one_of,
    open_store,
    placed_types,
)

_PATIENCE: Final = 3.0
"""Seconds that an engine has to open its control socket after it has taken the lock."""
_LAST_BATCHES: Final = 12.0
"""Further seconds that it has to end after it has closed its socket: running handlers may finish."""

_POLL: Final = 0.01
"""Seconds between two attempts: another process releases the lock or opens its socket, which nothing here reports."""


async def open_control(
    store: Path, *, patience: float = _PATIENCE, renamed: Mapping[str, str] | None = None
) -> Control:
    """The control of the store in the file *store*: by its engine's socket, or of the store itself without an engine.

    Of a store with several partitions, each is opened so, when a change concerns it.

    *renamed*: the current function types of the application whose addresses it will get, by former ones.

    Close it soon: without an engine it has the store's lock, and a starting engine waits for it.

    Raises:
        StoreError: the store doesn't exist, or is in use by a process without a control socket.
    """
    if not has_partitions(store):
        return await _open(lambda: _over_store(store), patience)
    count = count_partitions(store)
    return PartitionsControl(store, count, lambda number: _open_one(store, number, patience), renamed=renamed)


async def _open(over_store: Callable[[], Control], patience: float) -> Control:
    end = time.monotonic() + patience
    while True:
        try:
            return over_store()
        except StoreInUseError as error:
            if error.contact is not None:
                with suppress(OSError):
                    return await SocketControl.connect(error.contact)
            if time.monotonic() > end + (_LAST_BATCHES if error.ending else 0.0):
                raise
            await asyncio.sleep(_POLL)


def is_running(control: Control) -> bool:
    """Whether *control* makes changes by a running engine."""
    return isinstance(control, SocketControl) or (isinstance(control, PartitionsControl) and control.running)


async def running_engine(store: Path) -> Control | None:
    """The control of the engine that runs on *store*, by its socket; None without an engine. Takes no lock.

    Of a store with several partitions: of those whose engines run; None without any.
    """
    if has_partitions(store):
        count = count_partitions(store)
        found = {n: control for n in range(count) if (control := await _running(store / str(n))) is not None}
        if not found:
            return None
        return PartitionsControl(store, count, lambda number: _open_one(store, number, _PATIENCE), found)
    return await _running(store)


async def _open_one(store: Path, number: int, patience: float) -> Control:
    """The control of partition *number* of *store*."""

    def over_store() -> StoreControl:
        own = Partition(number, count_partitions(store), placed_types(store))
        return StoreControl(open_one_of(store, number, brief=True), SystemClock(), own)

    return await _open(over_store, patience)


async def _running(store: Path) -> SocketControl | None:
    contact = contact_of(store)
    if contact is not None:
        with suppress(OSError):
            return await SocketControl.connect(contact)
    return None


def _over_store(store: Path) -> StoreControl:
    if not store.exists():
        raise StoreError(str(store), "the file does not exist", "`statefun-actors run` creates it.")
    return StoreControl(open_store(store, brief=True), SystemClock())
