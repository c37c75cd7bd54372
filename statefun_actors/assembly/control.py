"""The control socket of an engine, as a service."""

from __future__ import annotations

import asyncio
from typing import Final

from statefun_actors.admin import ControlSocket, EngineControl
from statefun_actors.engine import Engine
from statefun_actors.own_logger import own_logger
from statefun_actors.store import Store

logger: Final = own_logger("statefun_actors.engine")


class ControlService:
    """Lets this user's commands change *store* while an engine runs on it.

    A store in memory has no control socket. If the socket can't be opened, that is logged, and the engine runs without.
    """

    serving: asyncio.Task[None] | None = None

    def __init__(self, store: Store) -> None:
        self._store = store
        self._socket: ControlSocket | None = None

    async def open(self, engine: Engine) -> None:
        if self._store.path is None or not hasattr(asyncio, "start_unix_server"):
            return
        try:
            self._socket = await ControlSocket.open(self._store, self._store.path, EngineControl(engine))
        except OSError as error:
            logger.warning("cannot open a control socket; `send` and `dead-letters` can't reach this engine: %s", error)

    async def refuse(self) -> None:
        if self._socket is not None:
            await self._socket.close()

    async def close(self) -> None:
        pass
