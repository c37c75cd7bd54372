"""The HTTP ingress as an ASGI app inside another one: under any path, on any event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any as Untyped
from typing import Final, TypeAlias
from urllib.parse import quote, unquote_to_bytes
from weakref import WeakKeyDictionary

from statefun_actors.address import Address
from statefun_actors.dispatch import Application
from statefun_actors.http import Guard, Router, create_ingress_app
from statefun_actors.ingress import Answer, Backend, IngressMessage

ASGI: TypeAlias = Callable[
    [MutableMapping[str, Untyped], Callable[[], Awaitable[Untyped]], Callable[[Untyped], Awaitable[None]]],
    Awaitable[None],
]
_SAFE: Final = "/:@!$&'()*+,;=-._~"


class IngressAsgi:
    """An ASGI app over *backend*, whose engine runs on *loop*."""

    def __init__(self, app: Application, backend: Backend, loop: asyncio.AbstractEventLoop, token: str | None) -> None:
        self._app, self._backend, self._loop, self._token = app, backend, loop, token
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Router] = WeakKeyDictionary()

    async def __call__(
        self,
        scope: MutableMapping[str, Untyped],
        receive: Callable[[], Awaitable[Untyped]],
        send: Callable[[Untyped], Awaitable[None]],
    ) -> None:
        if scope["type"] == "lifespan":  # a server that serves this app alone
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        if scope["type"] == "http":
            scope = unmounted(scope)
        await self._front()(scope, receive, send)  # type: ignore[arg-type] # Hypercorn's types are narrower than ASGI's

    def _front(self) -> Router:
        loop = asyncio.get_running_loop()
        front = self._by_loop.get(loop)
        if front is None:
            backend = self._backend if loop is self._loop else _FromLoop(self._backend, self._loop, loop)
            front = self._by_loop[loop] = create_ingress_app(self._app, backend, Guard(self._token, local=False))
        return front


def unmounted(scope: MutableMapping[str, Untyped]) -> MutableMapping[str, Untyped]:
    """*scope* with both paths as the mounted app writes them, whether the server left ``root_path`` in them or not."""
    root = str(scope.get("root_path") or "").rstrip("/")
    path = str(scope["path"])
    if root and (path == root or path.startswith(root + "/")):
        path = path[len(root) :]
    raw = bytes(scope.get("raw_path") or b"").partition(b"?")[0]
    # What routers took off the path they often leave on the raw one: the part that says the same as the path counts.
    cut = raw.find(b"/ingress")
    while cut > 0 and unquote_to_bytes(raw[cut:]) != path.encode("utf-8", "surrogateescape"):
        cut = raw.find(b"/ingress", cut + 1)
    raw = raw[cut:] if cut >= 0 else b""
    if not raw or unquote_to_bytes(raw) != path.encode("utf-8", "surrogateescape"):
        raw = quote(path, safe=_SAFE).encode()
    return {**scope, "path": path, "raw_path": raw, "root_path": ""}


class _FromLoop:
    """A backend whose engine runs on another event loop than those who call it."""

    def __init__(
        self, backend: Backend, engines: asyncio.AbstractEventLoop, callers: asyncio.AbstractEventLoop
    ) -> None:
        self._backend, self._engines, self._callers = backend, engines, callers

    def take(self, letter: IngressMessage, tell: Callable[[Answer], None]) -> Callable[[], bool]:
        cancel: list[Callable[[], bool]] = []
        self._engines.call_soon_threadsafe(lambda: cancel.append(self._backend.take(letter, self._back(tell))))

        def cancelled() -> bool:
            self._engines.call_soon_threadsafe(lambda: [each() for each in cancel])
            return False  # whether it is durable by now is known on the other loop only

        return cancelled

    def take_all(self, letters: Sequence[IngressMessage], tell: Callable[[Answer], None]) -> None:
        self._engines.call_soon_threadsafe(self._backend.take_all, letters, self._back(tell))

    def unready(self) -> str | None:
        return self._backend.unready()

    def notices(self) -> Sequence[str]:
        return ()  # mailboxes may be looked at on the engine's loop only, which nobody waits for here

    def failing(self, target: Address) -> str | None:  # noqa: ARG002 - as for notices
        return None

    def _back(self, tell: Callable[[Answer], None]) -> Callable[[Answer], None]:
        return lambda answer: self._to_caller(tell, answer)

    def _to_caller(self, tell: Callable[[Answer], None], answer: Answer) -> None:
        if not self._callers.is_closed():
            self._callers.call_soon_threadsafe(tell, answer)
