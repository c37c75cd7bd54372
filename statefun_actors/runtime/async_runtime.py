"""``AsyncRuntime``: the embedded engine in an asyncio program."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Final, Self, TypeVar, Unpack, overload
from weakref import WeakSet

from statefun_actors.address import Address
from statefun_actors.calls import CallOptions, TellOptions
from statefun_actors.dispatch import Application
from statefun_actors.runtime.asgi import ASGI, RuntimeAsgi
from statefun_actors.runtime.engine_setup import assemble
from statefun_actors.runtime.options import RuntimeOptions, application_settings
from statefun_actors.runtime.running_parts import NOT_RUNNING, RunningParts
from statefun_actors.runtime.runtime_views import RuntimeViews
from statefun_actors.telemetry import with_global_providers

_E = TypeVar("_E")
_M = TypeVar("_M")
_R = TypeVar("_R")

_DRAIN_SECONDS: Final = 8.0


class AsyncRuntime(RuntimeViews):
    """Durable actors inside an asyncio program.

    ::

        async with AsyncRuntime(Account, store="bank.db") as runtime:
            await runtime.tell(Account.at("ada"), Deposit(cents=5))
            balance = await runtime.ask(Account.deposit, "ada", Deposit(cents=5))

    ``async with`` opens the store and starts the engine on the running event loop. At the end of the block, running
    handlers get 8 seconds to end; then the engine commits and releases the store. A handler that still runs in a thread
    is abandoned, which is logged. Its message, and failing and waiting ones, stay in the store. An exception inside the
    block loses nothing. ``tell`` and ``ask`` may be called from any event loop of this process.

    Args:
        served: Entity classes and StatefulFunctions.
        options: see :class:`~statefun_actors.runtime.RuntimeOptions`.

    Raises:
        DefinitionError: the classes contradict each other, or an option is invalid.
        StoreInUseError: on entering; another process, which the error names, uses the store. Call it by ``Client``.
        StoreError, IncompatibleStateError: on entering; the store can't be opened, or the classes can't read it.
    """

    def __init__(self, *served: object, **options: Unpack[RuntimeOptions]) -> None:
        instruments = with_global_providers(options.get("instruments", ()))
        self.app = Application(*served, settings=application_settings(options), instruments=instruments)
        self._options = options
        self._asgi = RuntimeAsgi(lambda: None if self._running is None else self._running.asgi)
        self._console = RuntimeAsgi(lambda: None if self._running is None else self._running.console)
        self._running: RunningParts | None = None
        self._interrupt: KeyboardInterrupt | None = None
        self.forked = False
        """Whether this is the copy of a runtime in a child process."""

    async def __aenter__(self) -> Self:
        if self._running is not None:
            raise RuntimeError("this runtime runs already; make another one")
        self._interrupt, self.forked = None, False
        assembly, urls = assemble(self.app, self._options, on_failure=self._failed, on_death=self._died)
        self._running = RunningParts(self.app, assembly, urls, self._options)
        try:
            await assembly.start()
        except BaseException:
            self._running = None
            raise
        _running.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.forked:  # the engine is the parent's
            return
        running = self._running
        if running is None:
            raise RuntimeError(NOT_RUNNING)
        if asyncio.get_running_loop() is not running.loop:
            await self._exit_elsewhere(running, error)
            return
        running.leaving = True
        try:
            failure = await running.assembly.stop(_DRAIN_SECONDS)
        except asyncio.CancelledError:
            if self._interrupt is None:
                raise
            failure = None
        finally:
            self._running = None
            _running.discard(self)
            running.asgi.end()
            running.calls.end()
            try:
                await running.console.end()
            finally:
                running.assembly.close()
        if self._interrupt is not None:
            raise self._interrupt
        if failure is not None and error is None:
            raise failure

    async def _exit_elsewhere(self, running: RunningParts, error: BaseException | None) -> None:
        """Leave the block on another event loop than the one on which it was entered."""
        if running.loop.is_closed():
            self._running = None
            running.assembly.close()
            raise RuntimeError(_CLOSED) from error
        leaving = asyncio.run_coroutine_threadsafe(self.__aexit__(None, error, None), running.loop)
        await asyncio.wrap_future(leaving)

    def _failed(self, address: Address, error: BaseException) -> None:
        """A handler of *address* failed. If it raised KeyboardInterrupt, the calls of this program raise it."""
        running = self._running
        if not isinstance(error, KeyboardInterrupt) or running is None:
            return
        if not running.calls.interrupt(address, error):
            self._interrupt = error
            if running.owner is not None and not running.leaving:
                running.owner.cancel()

    def _died(self, error: BaseException) -> None:
        if self._running is not None:
            self._running.calls.end(error)

    @property
    def parts(self) -> RunningParts:
        """The parts of this runtime, which ``Runtime`` uses from other threads.

        Raises:
            RuntimeError: it does not run, or runs in another process.
        """
        running = self._running
        if running is None:
            raise RuntimeError(NOT_RUNNING)
        if self.forked:
            raise RuntimeError(
                f"this runtime runs in process {running.process}, from which this one was forked: start another one "
                "here, over another store, or use Client"
            )
        if running.loop.is_closed():
            raise RuntimeError(_CLOSED)
        return running

    async def tell(self, target: Address, message: object, **options: Unpack[TellOptions]) -> None:
        """Send *message*, and return once it is durable. See :meth:`statefun_actors.Actors.tell`."""
        calls = self.parts.calls
        sent = calls.telling(target, message, options)
        calls.raise_error(sent, await calls.answer(sent))

    @overload
    async def ask(self, target: Address, message: object, reply: type[_R], /, **options: Unpack[CallOptions]) -> _R: ...
    @overload
    async def ask(self, target: Address, message: object, /, **options: Unpack[CallOptions]) -> Any: ...
    @overload
    async def ask(
        self,
        handler: Callable[[_E, _M], Coroutine[Any, Any, _R]],
        id: str,
        message: _M,
        /,
        **options: Unpack[CallOptions],
    ) -> _R: ...
    @overload
    async def ask(
        self, handler: Callable[[_E, _M], _R], id: str, message: _M, /, **options: Unpack[CallOptions]
    ) -> _R: ...
    async def ask(self, target: Any, message: Any, reply: Any = None, /, **options: Unpack[CallOptions]) -> Any:
        """Send *message* and return the reply. See :meth:`statefun_actors.Actors.ask`.

        Cancelling an ask does not undo the delivery of its message.
        """
        calls = self.parts.calls
        asked, sent = calls.asking(target, message, reply, options)
        return calls.reply(asked, sent, await calls.answer(sent))

    async def answer(self, address: Address | str, message: object, **options: Unpack[CallOptions]) -> None:
        """Answer an open ask, by its reply address or token. See :meth:`statefun_actors.Actors.answer`."""
        calls = self.parts.calls
        sent = calls.answering(address, message, options)
        calls.raise_error(sent, await calls.answer(sent))

    @property
    def asgi(self) -> ASGI:
        """The HTTP ingress as an ASGI app, to be mounted in a web application, at any path.

        That application controls access to it: the host name is not checked. Pages of other origins get 403, and
        ``token=`` applies. It may be served on any event loop of this process. It may be mounted before the runtime
        runs; outside ``async with`` it answers 503.
        """
        return self._asgi

    @property
    def console(self) -> ASGI:
        """The console as an ASGI app, to be mounted in a web application, at any path; see the option ``console=``.

        That application controls access to it, as for :attr:`asgi`. With ``token=``, the console has a log-in page.
        """
        return self._console

    @property
    def urls(self) -> list[str]:
        """The URLs at which the HTTP ingress listens, in the order of ``bind=``; port 0 has become a free port."""
        return self.parts.urls


_CLOSED: Final = (
    "the event loop of this runtime was closed before the end of its block; confirmed messages are stored. Leave "
    "`async with` before the loop ends"
)
_running: Final[WeakSet[AsyncRuntime]] = WeakSet()


def _in_child() -> None:
    for runtime in _running:
        runtime.forked = True
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
