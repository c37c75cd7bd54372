"""``Runtime``: the embedded engine on a thread of its own, for programs without asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack, overload

from statefun_actors.address import Address
from statefun_actors.calls import CallOptions, TellOptions
from statefun_actors.runtime.asgi import ASGI
from statefun_actors.runtime.async_runtime import AsyncRuntime
from statefun_actors.runtime.options import RuntimeOptions
from statefun_actors.runtime.running_parts import RunningParts
from statefun_actors.runtime.runtime_views import RuntimeViews
from statefun_actors.system import loop_kept_from_children, run_in_own_loop

_E = TypeVar("_E")
_M = TypeVar("_M")
_R = TypeVar("_R")


class Runtime(RuntimeViews):
    """:class:`AsyncRuntime` with blocking calls: ``with Runtime(Account, store="bank.db") as runtime:``.

    ::

        with Runtime(Account, store="bank.db") as runtime:
            runtime.tell(Account.at("ada"), Deposit(cents=5))
            balance = runtime.ask(Account.deposit, "ada", Deposit(cents=5))

    The engine runs on a thread of its own. Calls may come from any other thread, and block it. In a coroutine use
    ``AsyncRuntime``, since a blocking call would block its event loop.

    Raises:
        Exception: as AsyncRuntime.
    """

    def __init__(self, *served: object, **options: Unpack[RuntimeOptions]) -> None:
        self._runtime = AsyncRuntime(*served, **options)
        self._thread: threading.Thread | None = None
        self._stop: Future[None] = Future()
        self._failure: BaseException | None = None
        """The exception that ended the block of the AsyncRuntime on its thread."""

    def __enter__(self) -> Self:
        if self._thread is not None:
            raise RuntimeError("this runtime runs already; make another one")
        ready: Future[None] = Future()
        self._stop, self._failure = Future(), None
        self._thread = threading.Thread(target=self._work, args=(ready,), name="statefun-actors runtime", daemon=True)
        self._thread.start()
        try:
            ready.result()
        except BaseException:  # a Ctrl-C included
            self._end_thread()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runtime.forked:  # the engine is the parent's
            self._thread = None
            return
        self._check_thread()
        self._end_thread()
        failure, self._failure = self._failure, None
        if failure is not None and (error is None or isinstance(failure, KeyboardInterrupt)):
            raise failure

    def _end_thread(self) -> None:
        thread = self._thread
        if thread is None:
            return
        if not self._stop.done():
            self._stop.set_result(None)
        thread.join()
        self._thread = None

    def _work(self, ready: Future[None]) -> None:
        async def life() -> None:
            with loop_kept_from_children(asyncio.get_running_loop()):
                async with self._runtime:
                    ready.set_result(None)
                    await asyncio.wrap_future(self._stop)

        try:
            run_in_own_loop(life())
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

    @property
    def parts(self) -> RunningParts:
        """The parts of this runtime. Raises RuntimeError: it does not run, or this is the engine's own thread."""
        if isinstance(self._failure, KeyboardInterrupt):
            raise self._failure
        if self._thread is None:
            raise RuntimeError("this runtime does not run: call it inside `with Runtime(...) as runtime:`")
        self._check_thread()
        return self._runtime.parts

    def tell(self, target: Address, message: object, **options: Unpack[TellOptions]) -> None:
        """Send *message*, and return once it is durable. See :meth:`statefun_actors.Actors.tell`."""
        calls = self.parts.calls
        sent = calls.telling(target, message, options)
        calls.raise_error(sent, calls.blocking_answer(sent))

    @overload
    def ask(self, target: Address, message: object, reply: type[_R], /, **options: Unpack[CallOptions]) -> _R: ...
    @overload
    def ask(self, target: Address, message: object, /, **options: Unpack[CallOptions]) -> Any: ...
    @overload
    def ask(
        self,
        handler: Callable[[_E, _M], Coroutine[Any, Any, _R]],
        id: str,
        message: _M,
        /,
        **options: Unpack[CallOptions],
    ) -> _R: ...
    @overload
    def ask(self, handler: Callable[[_E, _M], _R], id: str, message: _M, /, **options: Unpack[CallOptions]) -> _R: ...
    def ask(self, target: Any, message: Any, reply: Any = None, /, **options: Unpack[CallOptions]) -> Any:
        """Send *message* and return the reply. See :meth:`statefun_actors.Actors.ask`."""
        calls = self.parts.calls
        asked, sent = calls.asking(target, message, reply, options)
        return calls.reply(asked, sent, calls.blocking_answer(sent))

    def answer(self, address: Address | str, message: object, **options: Unpack[CallOptions]) -> None:
        """Answer an open ask, by its reply address or token. See :meth:`statefun_actors.Actors.answer`."""
        calls = self.parts.calls
        sent = calls.answering(address, message, options)
        calls.raise_error(sent, calls.blocking_answer(sent))

    @property
    def asgi(self) -> ASGI:
        """The HTTP ingress, to be mounted in a web application. See :attr:`AsyncRuntime.asgi`."""
        return self._runtime.asgi

    @property
    def console(self) -> ASGI:
        """The console, to be mounted in a web application. See :attr:`AsyncRuntime.console`."""
        return self._runtime.console

    @property
    def urls(self) -> list[str]:
        """The URLs at which the HTTP ingress listens. See :attr:`AsyncRuntime.urls`."""
        return self._runtime.urls
