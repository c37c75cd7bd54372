"""Selects the control for a store."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from statefun_actors.admin.control.interface import Control
from statefun_actors.admin.control.over_socket import SocketControl
from statefun_actors.admin.control.over_store import StoreControl
from statefun_actors.engine import SystemClock
from statefun_actors.store import StoreError, StoreInUseError, contact_of, open_store

_PATIENCE: Final = 3.0
"""Seconds that an engine has to open its control socket after it has taken the lock."""
_LAST_BATCHES: Final = 12.0
"""Further seconds that it has to end after it has closed its socket: running handlers may finish."""

_POLL: Final = 0.01
"""Seconds between two attempts: another process releases the lock or opens its socket, which nothing here reports."""


async def open_control(store: Path, *, patience: float = _PATIENCE) -> Control:
    """The control of the store in the file *store*: by its engine's socket, or of the store itself without an engine.

    Close it soon: without an engine it has the store's lock, and a starting engine waits for it.

    Raises:
        StoreError: the store doesn't exist, or is in use by a process without a control socket.
    """
    end = time.monotonic() + patience
    while True:
        try:
            return _over_store(store)
        except StoreInUseError as error:
            if error.contact is not None:
                with suppress(OSError):
                    return await SocketControl.connect(error.contact)
            if time.monotonic() > end + (_LAST_BATCHES if error.ending else 0.0):
                raise
            await asyncio.sleep(_POLL)


async def running_engine(store: Path) -> SocketControl | None:
    """The control of the engine that runs on *store*, by its socket; None without an engine. Takes no lock."""
    contact = contact_of(store)
    if contact is not None:
        with suppress(OSError):
            return await SocketControl.connect(contact)
    return None


def _over_store(store: Path) -> StoreControl:
    if not store.exists():
        raise StoreError(str(store), "the file does not exist", "`statefun-actors run` creates it.")
    return StoreControl(open_store(store, brief=True), SystemClock())
