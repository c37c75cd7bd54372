"""``AsyncRuntime``: the embedded engine in an asyncio program."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from types import TracebackType
from typing import Any as Untyped
from typing import Final, Self, TypeVar, Unpack, cast, overload

from statefun_actors.address import Address
from statefun_actors.calls import CallOptions
from statefun_actors.dispatch import Application
from statefun_actors.runtime.asgi import ASGI, IngressAsgi
from statefun_actors.runtime.assembly import Assembly
from statefun_actors.runtime.engine_calls import EngineCalls
from statefun_actors.runtime.options import RuntimeOptions
from statefun_actors.runtime.views import DeadLetterView, StoreViews
from statefun_actors.settings import Options, settings_with

_T = TypeVar("_T")
_E = TypeVar("_E")
_M = TypeVar("_M")
_R = TypeVar("_R")

_DRAIN_SECONDS: Final = 8.0
_OWN: Final = ("store", "bind", "token", "timeout", "egress", "cache_bytes")


class AsyncRuntime:
    """Durable actors inside an asyncio program.

    ::

        async with AsyncRuntime(Account, Audit, store="bank.db") as runtime:
            await runtime.tell(Account.at("ada"), Deposit(cents=5))
            balance = await runtime.ask(Account.deposit, "ada", Deposit(cents=5))

    ``async with`` opens the store and starts the engine on the running event loop. Leaving it gives handlers that run
    8 seconds to end, commits, and releases the store; what fails or waits stays in the store. An exception inside the
    block loses nothing. ``tell`` and ``ask`` may be called from any event loop of this process.

    Args:
        served: Entity classes and StatefulFunctions.
        options: see :class:`~statefun_actors.runtime.RuntimeOptions`.

    Raises:
        DefinitionError: the classes do not fit together, or an option makes no sense.
        StoreInUseError: on entering; another process, which it names, runs the store. Use ``Client`` to talk to it.
        StoreError, IncompatibleStateError: on entering; the store can't be had, or holds what the classes can't read.
    """

    def __init__(self, *served: object, **options: Unpack[RuntimeOptions]) -> None:
        settings = {name: value for name, value in options.items() if name not in _OWN}
        self.app = Application(*served, settings=settings_with(None, cast("Options", settings)))
        self._options = options
        self._timeout: timedelta | float = options.get("timeout", 30.0)
        self._assembly: Assembly | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        if self._assembly is not None:
            raise RuntimeError("this runtime runs already; make another one")
        assembly = Assembly(self.app, self._options)
        await assembly.start()
        self._loop = asyncio.get_running_loop()
        self._calls = EngineCalls(self.app, assembly.backend, self._timeout)
        self._views = StoreViews(self.app, assembly.store, assembly.clock)
        self._asgi = IngressAsgi(self.app, assembly.backend, self._loop, self._options.get("token"))
        self._assembly = assembly
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assembly, self._assembly, self._loop = self._running, None, None
        failure = await assembly.stop(_DRAIN_SECONDS)
        if failure is not None and error is None:
            raise failure

    @property
    def _running(self) -> Assembly:
        if self._assembly is None:
            raise RuntimeError("this runtime does not run: call it inside `async with AsyncRuntime(...) as runtime:`")
        return self._assembly

    async def tell(self, target: Address, message: object, **options: Unpack[CallOptions]) -> None:
        """Send *message*, and return once it is durable. See :meth:`statefun_actors.Actors.tell`."""
        await self._on_its_loop(lambda: self._calls.tell(target, message, options))

    @overload
    async def ask(self, target: Address, message: object, reply: type[_R], /, **options: Unpack[CallOptions]) -> _R: ...
    @overload
    async def ask(self, target: Address, message: object, /, **options: Unpack[CallOptions]) -> Untyped: ...
    @overload
    async def ask(
        self,
        handler: Callable[[_E, _M], Coroutine[Untyped, Untyped, _R]],
        id: str,
        message: _M,
        /,
        **options: Unpack[CallOptions],
    ) -> _R: ...
    @overload
    async def ask(
        self, handler: Callable[[_E, _M], _R], id: str, message: _M, /, **options: Unpack[CallOptions]
    ) -> _R: ...
    async def ask(
        self, target: Untyped, message: Untyped, reply: Untyped = None, /, **options: Unpack[CallOptions]
    ) -> Untyped:
        """Send *message* and return the reply. See :meth:`statefun_actors.Actors.ask`.

        An ask that is cancelled leaves its message delivered.
        """
        return await self._on_its_loop(lambda: self._calls.ask(target, message, reply, options))

    def state(self, address: Address) -> Untyped:
        """The entity at *address* as of the last commit: a detached instance; of a function its states by name.

        Raises:
            NotServedError: nothing here serves *address*.
            StateDecodeError: what is stored does not fit a field.
        """
        _ = self._running
        return self._views.state(address)

    def entities(self, of: type | str, prefix: str = "") -> list[Address]:
        """The addresses of the entities of the class *of* as of the last commit, sorted by id.

        Raises:
            NotServedError: nothing here serves *of*.
        """
        _ = self._running
        return self._views.entities(of, prefix)

    @property
    def dead_letters(self) -> list[DeadLetterView]:
        """The messages that were given up, as of the last commit, oldest first."""
        _ = self._running
        return self._views.dead_letters()

    @property
    def asgi(self) -> ASGI:
        """The HTTP ingress as an ASGI app, to be mounted in a web application, at any path.

        Who may reach it is the business of that application: there is no check of the host name. A page of another
        origin gets 403, and ``token=`` counts. It may be served on any event loop of this process.
        """
        _ = self._running
        return self._asgi

    @property
    def urls(self) -> list[str]:
        """Where the HTTP ingress listens, as ``bind=`` came out: port 0 is a free port by now."""
        return self._running.urls

    async def _on_its_loop(self, call: Callable[[], Coroutine[Untyped, Untyped, _T]]) -> _T:
        _ = self._running
        loop = self._loop
        assert loop is not None
        if asyncio.get_running_loop() is loop:
            return await call()
        if loop.is_closed():
            raise RuntimeError("the event loop of this runtime is closed; leave `async with` before it ends")
        return await cast("Awaitable[_T]", asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call(), loop)))
