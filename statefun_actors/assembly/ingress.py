"""The HTTP ingress of an engine, as a service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from statefun_actors.console import Access, ConsoleMode, ConsoleRoute
from statefun_actors.engine import Engine
from statefun_actors.http import Forwarding, Guard, Listener, Router, create_ingress_app, serve


class HttpService:
    """Serves the HTTP ingress at *listeners*.

    Args:
        listeners: closed at the end.
        token: what clients must send; None = nothing.
        own_loop: whether only the engine runs on this event loop.
        console: whether ``/console`` shows pages about the engine, and whether they can change what it holds.
        forwarding: makes the other partitions of the engine, if it runs one of several.
    """

    serving: asyncio.Task[None] | None = None

    def __init__(
        self,
        listeners: Sequence[Listener],
        token: str | None,
        *,
        own_loop: bool,
        console: ConsoleMode,
        forwarding: Callable[[Engine], Forwarding] | None = None,
    ) -> None:
        self._listeners, self._token, self._own_loop = listeners, token, own_loop
        self._mode: ConsoleMode = console
        self._forwarding = forwarding
        self._console: ConsoleRoute | None = None
        self._router: Router | None = None
        self._closing = asyncio.Event()

    async def open(self, engine: Engine) -> None:
        local = self._token is None and all(listener.local for listener in self._listeners)
        guard = Guard(self._token, local=local)
        if self._mode != "off":
            self._console = ConsoleRoute(
                engine,
                Access(guard, self._token),
                token=self._token is not None,
                read_only=self._mode == "read-only",
            )
        self._router = create_ingress_app(
            engine.app,
            engine,
            guard,
            None if self._console is None else self._console.at,
            forwarding=None if self._forwarding is None else self._forwarding(engine),
        )
        sockets = [sock for listener in self._listeners for sock in listener.sockets]
        self.serving = asyncio.create_task(
            serve(self._router, sockets, stop=self._closing.wait, own_loop=self._own_loop)
        )

    async def refuse(self) -> None:
        """Close each connection after its next response."""
        if self._router is not None:
            self._router.stopping = True
        if self._console is not None:
            self._console.refuse()

    async def close(self) -> None:
        self._closing.set()
        if self.serving is not None:
            await asyncio.wait([self.serving])
        if self._console is not None:
            self._console.close()
