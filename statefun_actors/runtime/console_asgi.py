"""The console as an ASGI app inside another one: under any path, on any event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any as Untyped
from typing import TypeVar

from statefun_actors.console import PATH, Access, ConsoleMode, ConsoleRoute
from statefun_actors.engine import Engine
from statefun_actors.http import Guard, Router
from statefun_actors.runtime.asgi import path_below_mount

_T = TypeVar("_T")


class ConsoleAsgi:
    """The console of *engine*, which runs on *loop*. Call :meth:`end` there when the engine stops."""

    def __init__(
        self, engine: Engine, loop: asyncio.AbstractEventLoop, token: str | None, mode: ConsoleMode, body_limit: int
    ) -> None:
        self._engine, self._loop, self._token, self._mode, self._body_limit = engine, loop, token, mode, body_limit
        self._route: ConsoleRoute | None = None
        self._router: Router | None = None
        """Made with the first request: most runtimes have none."""

    async def __call__(
        self,
        scope: MutableMapping[str, Untyped],
        receive: Callable[[], Awaitable[Untyped]],
        send: Callable[[Untyped], Awaitable[None]],
    ) -> None:
        if scope["type"] == "http":
            scope = _mounted(scope)
        here = asyncio.get_running_loop()
        if here is self._loop:
            await self._respond(scope, receive, send)
            return

        async def received() -> Untyped:
            return await _on(here, receive())

        async def sent(event: Untyped) -> None:
            await _on(here, send(event))

        await _on(self._loop, self._respond(scope, received, sent))

    def end(self) -> None:
        """The engine stops: pages that wait for changes get a response."""
        if self._route is not None:
            self._route.refuse()
            self._route.close()

    async def _respond(self, scope: Untyped, receive: Untyped, send: Untyped) -> None:
        """On the event loop of the engine."""
        if self._router is None:
            # The path under which it is mounted is known only to the browser, so the cookie is for all of the host.
            access = Access(Guard(self._token, local=False), self._token, cookie_path="/")
            if self._mode != "off":
                read_only = self._mode == "read-only"
                self._route = ConsoleRoute(
                    self._engine, access, token=self._token is not None, read_only=read_only, with_ingress=False
                )
            self._router = Router(lambda _: self._route, self._body_limit, otherwise=_nothing)
        await self._router(scope, receive, send)


async def _on(loop: asyncio.AbstractEventLoop, work: Awaitable[_T]) -> _T:
    """The result of *work*, which runs on *loop*, another event loop than this one."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_awaited(work), loop))


async def _awaited(work: Awaitable[_T]) -> _T:
    return await work


def _mounted(scope: MutableMapping[str, Untyped]) -> MutableMapping[str, Untyped]:
    """*scope* with the path as the console's own server has it."""
    path = PATH + (path_below_mount(scope) or "/")
    return {**scope, "path": path, "raw_path": path.encode("utf-8", "surrogateescape"), "root_path": ""}


async def _nothing(scope: Untyped, receive: Untyped, send: Untyped) -> None:  # noqa: ARG001 - the form of ASGI
    """Responds 404: the path is not one of the console's, or the console is off."""
    if scope["type"] != "http":
        raise RuntimeError(f"the console takes HTTP requests only, got {scope['type']!r}")
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
