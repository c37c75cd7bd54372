"""The console as an ASGI app inside another one: under any path, on any event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any as Untyped
from typing import Final, TypeVar
from urllib.parse import quote

from statefun_actors.console import PATH, Access, ConsoleMode, ConsoleRoute, EngineSubject
from statefun_actors.engine import Engine
from statefun_actors.http import Guard, Router
from statefun_actors.runtime.asgi import RuntimeAsgi, path_below_mount

_T = TypeVar("_T")
_LAST_SECONDS: Final = 1.0
"""For which the end of the engine waits for requests from other event loops."""
_ENDED: Final = RuntimeAsgi(lambda: None)
"""Responds 503."""


class ConsoleAsgi:
    """The console of *engine*, which runs on *loop*. Await :meth:`end` there when the engine stops."""

    def __init__(
        self, engine: Engine, loop: asyncio.AbstractEventLoop, token: str | None, mode: ConsoleMode, body_limit: int
    ) -> None:
        self._engine, self._loop, self._token, self._mode, self._body_limit = engine, loop, token, mode, body_limit
        self._route: ConsoleRoute | None = None
        self._router: Router | None = None
        """Made with the first request: most runtimes have none."""
        self._responding: set[asyncio.Task[Untyped]] = set()
        """To requests from other event loops."""
        self._lock = threading.Lock()
        self._ended = False

    async def __call__(
        self,
        scope: MutableMapping[str, Untyped],
        receive: Callable[[], Awaitable[Untyped]],
        send: Callable[[Untyped], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the console takes HTTP requests only, got {scope['type']!r}")
        if scope["path"] and not path_below_mount(scope):
            await _redirect_inside(scope, send)
            return
        begun = False

        async def sent(event: Untyped) -> None:
            nonlocal begun
            begun = True
            await send(event)

        scope = _mounted(scope)
        if asyncio.get_running_loop() is self._loop:
            await self._respond(scope, receive, sent)
        else:
            for event in await self._events(scope, receive):
                await sent(event)
        if self._ended and not begun:
            await _ENDED(scope, receive, send)

    async def end(self) -> None:
        """The engine stops: pages that wait for changes get a response, and requests that have not arrived get 503.

        Another event loop may be blocked until the engine stops, so its requests have a second to arrive.
        """
        with self._lock:
            self._ended = True
        if self._route is None:
            return
        self._route.refuse()
        if self._responding:
            await asyncio.wait(self._responding, timeout=_LAST_SECONDS)
        for task in self._responding:
            task.cancel()
        self._route.close()

    async def _events(
        self, scope: MutableMapping[str, Untyped], receive: Callable[[], Awaitable[Untyped]]
    ) -> Sequence[Untyped]:
        """The events of the response to a request on another event loop; none if the engine ends first."""
        here = asyncio.get_running_loop()

        async def received() -> Untyped:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_awaited(receive()), here))

        with self._lock:  # what is scheduled before the end runs, even if the loop of the engine ends then
            if self._ended or self._loop.is_closed():
                return ()
            collecting = asyncio.run_coroutine_threadsafe(self._collected(scope, received), self._loop)
        try:
            return await asyncio.wrap_future(collecting)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return ()  # see end()

    async def _collected(self, scope: Untyped, receive: Untyped) -> Sequence[Untyped]:
        """All events of a response: sending each to another event loop would wait for a loop that may be blocked."""
        task = asyncio.current_task()
        assert task is not None
        events: list[Untyped] = []

        async def collect(event: Untyped) -> None:
            events.append(event)

        if not self._ended:
            self._responding.add(task)
            try:
                await self._respond(scope, receive, collect)
            finally:
                self._responding.discard(task)
        return events

    async def _respond(self, scope: Untyped, receive: Untyped, send: Untyped) -> None:
        """On the event loop of the engine."""
        if self._router is None:
            # The path under which it is mounted is known only to the browser, so the cookie is for all of the host.
            access = Access(Guard(self._token, local=False), self._token, cookie_path="/")
            if self._mode != "off":
                read_only = self._mode == "read-only"
                self._route = ConsoleRoute(
                    EngineSubject(self._engine),
                    access,
                    token=self._token is not None,
                    read_only=read_only,
                    with_ingress=False,
                )
            self._router = Router(lambda _: self._route, self._body_limit, otherwise=_nothing)
        await self._router(scope, receive, send)


async def _awaited(work: Awaitable[_T]) -> _T:
    return await work


def _mounted(scope: MutableMapping[str, Untyped]) -> MutableMapping[str, Untyped]:
    """*scope* with the path as the console's own server has it."""
    path = PATH + (path_below_mount(scope) or "/")
    return {**scope, "path": path, "raw_path": path.encode("utf-8", "surrogateescape"), "root_path": ""}


async def _redirect_inside(scope: MutableMapping[str, Untyped], send: Callable[[Untyped], Awaitable[None]]) -> None:
    """Responds 307 to the same path with a slash at its end: the links of pages are relative to that."""
    name = quote(str(scope["path"]).rpartition("/")[2], safe="", errors="surrogateescape")
    query = bytes(scope.get("query_string") or b"")
    location = f"./{name}/".encode() + (b"?" + query if query else b"")
    headers = [(b"location", location), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 307, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _nothing(scope: Untyped, receive: Untyped, send: Untyped) -> None:  # noqa: ARG001 - the form of ASGI
    """Responds 404: the console is off."""
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
