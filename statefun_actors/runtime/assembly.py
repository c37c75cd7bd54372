"""An engine with everything around it: store, sinks, control socket, HTTP listeners; started and stopped together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from statefun_actors.admin import ControlSocket, EngineControl
from statefun_actors.connectors import FileTarget, HttpTarget, StdoutSink, StdoutTarget, Target, read_target
from statefun_actors.connectors.files import JsonLinesSink
from statefun_actors.connectors.http import HttpSink
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, EngineBackend, EngineOptions, Sink, SystemClock
from statefun_actors.errors import DefinitionError
from statefun_actors.http import Guard, Listener, create_ingress_app, listen, serve
from statefun_actors.runtime.options import RuntimeOptions
from statefun_actors.store import MemoryStore, Store
from statefun_actors.store.sqlite import SqliteStore

logger: Final = logging.getLogger("statefun_actors.runtime")

_PORT: Final = 8080
_CACHE_BYTES: Final = 64 * 1024 * 1024


class Assembly:
    """One engine over one store.

    Raises:
        StoreError, IncompatibleStateError, EgressFileError: the store, or the file of an egress, can't be had.
        DefinitionError: a listener or an egress that makes no sense.
    """

    def __init__(self, app: Application, options: RuntimeOptions) -> None:
        self._app, self._token = app, options.get("token")
        self._closing = contextlib.ExitStack()
        with contextlib.ExitStack() as closing:
            self._listeners = _listeners(options.get("bind"), self._token)
            for listener in self._listeners:
                closing.callback(listener.close)
            self.urls = [listener.url(tls=False) for listener in self._listeners]
            path = options.get("store")
            self.store: Store = MemoryStore() if path is None else SqliteStore(Path(path))
            closing.callback(self.store.close)
            self.clock = SystemClock()
            self.engine = Engine(
                app,
                self.store,
                self.clock,
                sinks=_sinks(options.get("egress", {}), app, closing),
                options=EngineOptions(cache_bytes=options.get("cache_bytes", _CACHE_BYTES)),
            )
            self.backend = EngineBackend(self.engine)
            self._closing = closing.pop_all()
        self._front = create_ingress_app(app, self.backend, Guard(self._token, local=self._token is None))
        self._served = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        self._control: ControlSocket | None = None

    async def start(self) -> None:
        """Begin to work. On the event loop that is to run the engine."""
        self._working = asyncio.create_task(self.engine.run())
        self._working.add_done_callback(self._ended)
        try:
            self._control = await self._open_control()
        except BaseException:
            await self.stop(0)
            raise
        if self._listeners:
            sockets = [sock for listener in self._listeners for sock in listener.sockets]
            self._serving = asyncio.create_task(serve(self._front, sockets, stop=self._served.wait, own_loop=False))

    async def stop(self, drain: float) -> BaseException | None:
        """Let handlers that run end within *drain* seconds, commit, and let go of everything.

        Returns:
            Why the engine, or the HTTP server, had ended by itself before; None if neither had.
        """
        self._front.stopping = True
        with self._closing:
            try:
                if self._control is not None:
                    await self._control.close()
                await self.engine.stop(drain=drain)
                await asyncio.wait([self._working])
            except asyncio.CancelledError:
                await self.engine.stop(drain=0)
                await asyncio.wait([self._working])
                raise
            finally:
                self.backend.interrupt()
                self._served.set()
                if self._serving is not None:
                    await asyncio.wait([self._serving])
        failed = (task for task in (self._working, self._serving) if task is not None and not task.cancelled())
        return next((error for task in failed if (error := task.exception()) is not None), None)

    def _ended(self, working: asyncio.Task[None]) -> None:
        if not working.cancelled() and (error := working.exception()) is not None:
            logger.error("the engine has stopped: %s", error)
            self.backend.interrupt()

    async def _open_control(self) -> ControlSocket | None:
        """The socket for commands that change the store while the engine runs; without one they can't."""
        if not isinstance(self.store, SqliteStore) or not hasattr(asyncio, "start_unix_server"):
            return None
        try:
            return await ControlSocket.open(self.store, EngineControl(self.engine))
        except OSError as error:
            logger.warning("cannot open the control socket, so commands can't change this store: %s", error)
            return None


def _listeners(bind: str | Sequence[str] | None, token: str | None) -> list[Listener]:
    binds = [] if bind is None else [bind] if isinstance(bind, str) else list(bind)
    listeners: list[Listener] = []
    try:
        for each in binds:
            listeners.append(listen(each, port=_PORT))  # noqa: PERF401 - those before a bad one are closed
        for listener in listeners:
            if token is None and not listener.local:
                problem = f"bind={listener.name!r} can be reached from other machines, so it needs token="
                raise DefinitionError("a runtime", [problem])
    except BaseException as error:
        for listener in listeners:
            listener.close()
        if isinstance(error, ValueError) and not isinstance(error, DefinitionError):
            raise DefinitionError("a runtime", [str(error)]) from None
        raise
    return listeners


def _sinks(
    egress: Mapping[str, Target | Sink | str], app: Application, closing: contextlib.ExitStack
) -> dict[str, Sink]:
    return {name: _sink(target, app, closing) for name, target in egress.items()}


def _sink(target: Target | Sink | str, app: Application, closing: contextlib.ExitStack) -> Sink:
    known = app.codecs()
    if isinstance(target, str):
        try:
            target = read_target(target, os.environ)
        except ValueError as error:
            raise DefinitionError("a runtime", [f"egress=: {error}"]) from None
    match target:
        case FileTarget(path):
            sink = JsonLinesSink(path, known)
            closing.callback(sink.close)
            return sink
        case StdoutTarget():
            return StdoutSink(known)
        case HttpTarget(url, headers):
            return HttpSink(url, known, headers=headers)
        case _:
            return target
