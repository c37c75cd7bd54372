"""The HTTP ingress of an engine, as a service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from statefun_actors.console import (
    Access,
    ConsoleMode,
    ConsoleRoute,
    EngineSubject,
    ForwardedConsole,
    PartitionsSubject,
)
from statefun_actors.engine import Engine
from statefun_actors.http import Forwarding, Guard, Listener, Peer, Router, create_ingress_app, serve


def console_of_partitions(engine: Engine, store: Path, token: str | None, mode: ConsoleMode) -> ConsoleRoute:
    """The console of all partitions in the folder *store*, one of which is that of *engine*.

    Those that forward requests to it have checked their ``Host``.
    """
    access = Access(Guard(token, local=False), token)
    return ConsoleRoute(
        PartitionsSubject(engine, store), access, token=token is not None, read_only=mode == "read-only"
    )


class HttpService:
    """Serves the HTTP ingress at *listeners*.

    Args:
        listeners: closed at the end.
        token: what clients must send; None = nothing.
        own_loop: whether only the engine runs on this event loop.
        console: whether ``/console`` shows pages about the engine, and whether they can change what it holds.
        forwarding: makes the other partitions of the engine, if it runs one of several.
        pages_by: the process that makes the pages of the console; None: this one.
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
        pages_by: Peer | None = None,
    ) -> None:
        self._listeners, self._token, self._own_loop = listeners, token, own_loop
        self._mode: ConsoleMode = console
        self._forwarding, self._pages_by = forwarding, pages_by
        self._console: ConsoleRoute | None = None
        self._router: Router | None = None
        self._closing = asyncio.Event()

    async def open(self, engine: Engine) -> None:
        local = self._token is None and all(listener.local for listener in self._listeners)
        guard = Guard(self._token, local=local)
        forwarded = None
        if self._mode != "off" and self._pages_by is not None:
            forwarded = ForwardedConsole(self._pages_by, guard)
        elif self._mode != "off":
            self._console = ConsoleRoute(
                EngineSubject(engine),
                Access(guard, self._token),
                token=self._token is not None,
                read_only=self._mode == "read-only",
            )
        console = forwarded or self._console
        self._router = create_ingress_app(
            engine.app,
            engine,
            guard,
            None if console is None else console.at,
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
