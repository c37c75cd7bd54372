"""The HTTP ingress as an ASGI app, to be mounted in another one: under any path, on any event loop."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any as Untyped
from typing import Final, TypeAlias
from urllib.parse import quote, unquote_to_bytes
from weakref import WeakKeyDictionary, WeakSet

from statefun_actors.address import Address
from statefun_actors.dispatch import Application
from statefun_actors.http import Guard, Router, create_ingress_app
from statefun_actors.ingress import Backend, Cancel, IngressMessage, NotTaken, OnAnswer, ReplyMessage
from statefun_actors.runtime.outside_call import GRACE

ASGI: TypeAlias = Callable[
    [MutableMapping[str, Untyped], Callable[[], Awaitable[Untyped]], Callable[[Untyped], Awaitable[None]]],
    Awaitable[None],
]
_STOPPED: Final = NotTaken("the engine has stopped")
_NOT_RUNNING: Final = b"not taken, send it again: this runtime does not run\n"
_SAFE: Final = "/:@!$&'()*+,;=-._~"


class RuntimeAsgi:
    """An ASGI app of a runtime. It exists before the runtime starts and after it has ended.

    Args:
        running: returns the app of the running engine; None while no engine runs.
    """

    def __init__(self, running: Callable[[], ASGI | None]) -> None:
        self._running = running

    async def __call__(
        self,
        scope: MutableMapping[str, Untyped],
        receive: Callable[[], Awaitable[Untyped]],
        send: Callable[[Untyped], Awaitable[None]],
    ) -> None:
        if scope["type"] == "lifespan":  # of the server: the runtime has its own
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
        elif (app := self._running()) is not None:
            await app(scope, receive, send)
        elif scope["type"] == "http":
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(_NOT_RUNNING))]
            await send({"type": "http.response.start", "status": 503, "headers": headers})
            await send({"type": "http.response.body", "body": _NOT_RUNNING})
        else:
            raise RuntimeError("this runtime does not run: it can't be reached")


class IngressAsgi:
    """An ASGI app over *backend*, whose engine runs on *loop*."""

    def __init__(self, app: Application, backend: Backend, loop: asyncio.AbstractEventLoop, token: str | None) -> None:
        self._app, self._backend, self._loop, self._token = app, backend, loop, token
        self._routers: WeakKeyDictionary[asyncio.AbstractEventLoop, Router] = WeakKeyDictionary()
        self._elsewhere: WeakSet[_FromLoop] = WeakSet()

    async def __call__(
        self,
        scope: MutableMapping[str, Untyped],
        receive: Callable[[], Awaitable[Untyped]],
        send: Callable[[Untyped], Awaitable[None]],
    ) -> None:
        if scope["type"] == "http":
            scope = unmounted(scope)
        await self._router()(scope, receive, send)  # type: ignore[arg-type] # Hypercorn's types are narrower than ASGI's

    def end(self) -> None:
        """The engine has stopped: refuse all further messages, from every event loop."""
        for backend in list(self._elsewhere):
            backend.end()

    def _router(self) -> Router:
        loop = asyncio.get_running_loop()
        router = self._routers.get(loop)
        if router is None:
            backend = self._backend
            if loop is not self._loop:
                backend = from_loop = _FromLoop(self._backend, self._loop, loop)
                self._elsewhere.add(from_loop)
            router = self._routers[loop] = create_ingress_app(self._app, backend, Guard(self._token, local=False))
        return router


def path_below_mount(scope: MutableMapping[str, Untyped]) -> str:
    """The path relative to the mount point, whether or not the server, or a proxy, left ``root_path`` in it.

    Behind a proxy that strips a prefix, Starlette's ``root_path`` is that prefix, ``app_root_path``, and the mount
    point; the path has the mount point only.
    """
    root, path = str(scope.get("root_path") or "").rstrip("/"), str(scope["path"])
    mount = root.removeprefix(str(scope.get("app_root_path") or "").rstrip("/"))
    for prefix in filter(None, (root, mount)):
        if path == prefix or path.startswith(prefix + "/"):
            return path[len(prefix) :]
    return path


def unmounted(scope: MutableMapping[str, Untyped]) -> MutableMapping[str, Untyped]:
    """*scope* with both paths relative to the mount point."""
    path = path_below_mount(scope)
    raw = bytes(scope.get("raw_path") or b"").partition(b"?")[0]
    # Routers often remove their prefix from the path only: the end of the raw path that equals the path counts.
    first = b"/replies" if path.startswith("/replies") else b"/ingress"
    cut = raw.find(first)
    while cut > 0 and unquote_to_bytes(raw[cut:]) != path.encode("utf-8", "surrogateescape"):
        cut = raw.find(first, cut + 1)
    raw = raw[cut:] if cut >= 0 else b""
    if not raw or unquote_to_bytes(raw) != path.encode("utf-8", "surrogateescape"):
        raw = quote(path, safe=_SAFE).encode()
    return {**scope, "path": path, "raw_path": raw, "root_path": ""}


class _FromLoop:
    """A backend on the event loop *engines*, for callers on the event loop *callers*."""

    def __init__(
        self, backend: Backend, engines: asyncio.AbstractEventLoop, callers: asyncio.AbstractEventLoop
    ) -> None:
        self._backend, self._engines, self._callers = backend, engines, callers
        self._waiting: dict[int, Callable[[Untyped], None]] = {}
        """What is called here with the results of work there, by number."""
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._ended = False

    def take(self, message: IngressMessage | ReplyMessage, on_answer: OnAnswer, /) -> Cancel:
        cancel: list[Cancel] = []
        number = self._on_engines_loop(lambda answered: cancel.append(self._backend.take(message, answered)), on_answer)

        def cancelled() -> asyncio.Future[bool]:
            durable: asyncio.Future[bool] = self._callers.create_future()

            def settle(result: Untyped = None) -> None:
                limit.cancel()
                if not durable.done():
                    durable.set_result(result is True)

            limit = self._callers.call_later(GRACE, settle)  # a handler may hold that loop, or it does not run
            if self._waiting.pop(number, None) is not None:  # else its answer is on its way
                self._on_engines_loop(lambda done: done(cancel[0]()), settle)
            return durable

        return cancelled

    def take_all(self, messages: Sequence[IngressMessage], on_answer: OnAnswer, /) -> None:
        self._on_engines_loop(lambda answered: self._backend.take_all(messages, answered), on_answer)

    def unready(self) -> str | None:
        return self._backend.unready()

    def notices(self) -> Sequence[str]:
        return ()  # mailboxes may be read on the engine's event loop only

    def failing(self, target: Address, /) -> str | None:  # noqa: ARG002 - as for notices
        return None

    def end(self) -> None:
        """The engine has stopped. Refuse messages that are scheduled on its event loop and will not run there."""
        with self._lock:
            self._ended = True
            waiting, self._waiting = self._waiting, {}
        for on_answer in waiting.values():
            self._to_caller(on_answer, _STOPPED)

    def _on_engines_loop(
        self, work: Callable[[Callable[[Untyped], None]], object], on_answer: Callable[[Untyped], None]
    ) -> int:
        """Do *work* there; what it passes to its argument is passed to *on_answer* here. Returns a number for that."""
        number = next(self._numbers)

        def answered(answer: Untyped) -> None:
            if self._waiting.pop(number, None) is not None:
                self._to_caller(on_answer, answer)

        with self._lock:
            ended = self._ended or self._engines.is_closed()
            if not ended:
                self._waiting[number] = on_answer
                self._engines.call_soon_threadsafe(work, answered)
        if ended:
            on_answer(_STOPPED)
        return number

    def _to_caller(self, on_answer: Callable[[Untyped], None], answer: Untyped) -> None:
        with contextlib.suppress(RuntimeError):  # the caller's event loop is closed
            self._callers.call_soon_threadsafe(on_answer, answer)
