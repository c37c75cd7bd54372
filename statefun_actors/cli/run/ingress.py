"""The HTTP ingress of a run: it opens with the engine, and closes once that has told what there is to tell."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from statefun_actors.engine import Engine, EngineBackend
from statefun_actors.http import Guard, Listener, create_ingress_app, serve


class HttpIngress:
    """Serves *engine* at *listeners*, for whoever has the *token* if there is one."""

    def __init__(self, engine: Engine, listeners: Sequence[Listener], token: str | None) -> None:
        self._backend = EngineBackend(engine)
        local = token is None and all(listener.local for listener in listeners)
        self._front = create_ingress_app(engine.app, self._backend, Guard(token, local=local))
        self._closing = asyncio.Event()
        sockets = [sock for listener in listeners for sock in listener.sockets]
        self.serving = asyncio.create_task(serve(self._front, sockets, stop=self._closing.wait))
        """Ends by itself only if serving fails."""

    def stop(self) -> None:
        """The engine stops next: connections are closed with their next answer."""
        self._front.stopping = True

    async def close(self) -> None:
        """The engine has stopped: whoever still waits is told so, and nobody is listened to any more."""
        self._backend.interrupt()
        self._closing.set()
        await self.serving
