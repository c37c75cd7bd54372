"""``Runtime``: the embedded engine on a thread of its own, for programs without asyncio."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from types import TracebackType
from typing import Any as Untyped
from typing import Self, TypeVar, Unpack, overload

from statefun_actors.address import Address
from statefun_actors.calls import CallOptions
from statefun_actors.runtime.asgi import ASGI
from statefun_actors.runtime.async_runtime import AsyncRuntime
from statefun_actors.runtime.options import RuntimeOptions
from statefun_actors.runtime.views import DeadLetterView

_T = TypeVar("_T")
_E = TypeVar("_E")
_M = TypeVar("_M")
_R = TypeVar("_R")


class Runtime:
    """:class:`AsyncRuntime` with blocking calls: ``with Runtime(Account, store="bank.db") as runtime:``.

    The engine runs on a thread of its own. The calls may come from any other thread; each blocks its thread, also
    inside a coroutine: there, use ``AsyncRuntime``.

    Raises:
        Exception: as AsyncRuntime.
    """

    def __init__(self, *served: object, **options: Unpack[RuntimeOptions]) -> None:
        self._runtime = AsyncRuntime(*served, **options)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None
        self._process = 0

    def __enter__(self) -> Self:
        if self._thread is not None:
            raise RuntimeError("this runtime runs already; make another one")
        ready: Future[None] = Future()
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._work, args=(ready,), name="statefun-actors runtime", daemon=True)
        self._thread.start()
        try:
            ready.result()
        except BaseException:
            self._thread.join()
            self._thread = None
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        thread, loop = self._thread, self._loop
        if thread is None or loop is None:
            return
        if os.getpid() != self._process:  # a child that was forked inside the block: the engine is its parent's
            self._thread = self._loop = None
            return
        self._check_thread()
        loop.call_soon_threadsafe(self._stop.set)
        thread.join()
        self._thread = self._loop = None
        failure, self._failure = self._failure, None
        if failure is not None and error is None:
            raise failure

    def _work(self, ready: Future[None]) -> None:
        async def life() -> None:
            async with self._runtime:
                self._loop = asyncio.get_running_loop()
                ready.set_result(None)
                await self._stop.wait()

        try:
            asyncio.run(life())
        except BaseException as error:
            if ready.done():
                self._failure = error
            else:
                ready.set_exception(error)

    def _check_thread(self) -> None:
        if threading.current_thread() is self._thread:
            raise RuntimeError(
                "a blocking call on the engine's own thread would wait for itself: in a handler use self.send(...), "
                "or self.reply(...)"
            )

    def _call(self, call: Callable[[], Coroutine[Untyped, Untyped, _T]]) -> _T:
        loop = self._loop
        if loop is None:
            raise RuntimeError("this runtime does not run: call it inside `with Runtime(...) as runtime:`")
        if os.getpid() != self._process:
            raise RuntimeError(
                f"this runtime runs in process {self._process}, from which this one was forked: start another one "
                "here, over another store, or use Client"
            )
        self._check_thread()
        future = asyncio.run_coroutine_threadsafe(call(), loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # a Ctrl-C while it waits; of one that has ended this does nothing
            raise

    def tell(self, target: Address, message: object, **options: Unpack[CallOptions]) -> None:
        """Send *message*, and return once it is durable. See :meth:`statefun_actors.Actors.tell`."""
        self._call(lambda: self._runtime.tell(target, message, **options))

    @overload
    def ask(self, target: Address, message: object, reply: type[_R], /, **options: Unpack[CallOptions]) -> _R: ...
    @overload
    def ask(self, target: Address, message: object, /, **options: Unpack[CallOptions]) -> Untyped: ...
    @overload
    def ask(
        self,
        handler: Callable[[_E, _M], Coroutine[Untyped, Untyped, _R]],
        id: str,
        message: _M,
        /,
        **options: Unpack[CallOptions],
    ) -> _R: ...
    @overload
    def ask(self, handler: Callable[[_E, _M], _R], id: str, message: _M, /, **options: Unpack[CallOptions]) -> _R: ...
    def ask(
        self, target: Untyped, message: Untyped, reply: Untyped = None, /, **options: Unpack[CallOptions]
    ) -> Untyped:
        """Send *message* and return the reply. See :meth:`statefun_actors.Actors.ask`."""
        return self._call(lambda: self._runtime.ask(target, message, reply, **options))

    def state(self, address: Address) -> Untyped:
        """The entity at *address* as of the last commit. See :meth:`AsyncRuntime.state`."""
        return self._read(lambda: self._runtime.state(address))

    def entities(self, of: type | str, prefix: str = "") -> list[Address]:
        """The addresses of the entities of the class *of*. See :meth:`AsyncRuntime.entities`."""
        return self._read(lambda: self._runtime.entities(of, prefix))

    @property
    def dead_letters(self) -> list[DeadLetterView]:
        """The messages that were given up. See :attr:`AsyncRuntime.dead_letters`."""
        return self._read(lambda: self._runtime.dead_letters)

    @property
    def asgi(self) -> ASGI:
        """The HTTP ingress, to be mounted in a web application. See :attr:`AsyncRuntime.asgi`."""
        return self._runtime.asgi

    @property
    def urls(self) -> list[str]:
        """Where the HTTP ingress listens. See :attr:`AsyncRuntime.urls`."""
        return self._runtime.urls

    def _read(self, read: Callable[[], _T]) -> _T:
        async def on_loop() -> _T:
            return read()

        return self._call(on_loop)
