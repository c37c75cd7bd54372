"""Which of the controls a store takes just now."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from statefun_actors.admin.control.control import Control
from statefun_actors.admin.control.over_socket import SocketControl
from statefun_actors.admin.control.over_store import StoreControl
from statefun_actors.engine import SystemClock
from statefun_actors.store import StoreError, StoreInUseError, contact_of, open_store

_PATIENCE: Final = 3.0
"""Seconds that an engine has for opening its door after it has taken the lock."""
_LAST_BATCHES: Final = 12.0
"""Seconds more that it has for ending after it has closed it: handlers that run are let to their end."""


async def open_control(store: Path, *, patience: float = _PATIENCE) -> Control:
    """The control of the store in the file *store*: through its engine's door, or its own if no engine runs on it.

    Close it soon: without an engine it has the store's lock, and an engine that starts waits for it.

    Raises:
        StoreError: there is no such store; it is in use by a process without a control door.
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
            await asyncio.sleep(0.01)


async def running_engine(store: Path) -> SocketControl | None:
    """The control of the engine that runs on *store*, through its socket; None if there is none. Takes no lock."""
    contact = contact_of(store)
    if contact is not None:
        with suppress(OSError):
            return await SocketControl.connect(contact)
    return None


def _over_store(store: Path) -> StoreControl:
    if not store.exists():
        raise StoreError(str(store), "the file does not exist", "`statefun-actors run` creates it.")
    return StoreControl(open_store(store, brief=True), SystemClock())
