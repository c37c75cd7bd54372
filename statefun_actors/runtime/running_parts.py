"""``RunningParts``: what an AsyncRuntime has while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import Final, TypeVar

from statefun_actors.assembly import Assembly
from statefun_actors.assembly.views import FailingView, StoreViews
from statefun_actors.dispatch import Application
from statefun_actors.runtime.asgi import IngressAsgi
from statefun_actors.runtime.console_asgi import ConsoleAsgi
from statefun_actors.runtime.engine_calls import EngineCalls
from statefun_actors.runtime.options import RuntimeOptions

_T = TypeVar("_T")

NOT_RUNNING: Final = "this runtime does not run: call it inside `async with AsyncRuntime(...) as runtime:`"


class RunningParts:
    """The parts of a running AsyncRuntime, on the event loop *loop*."""

    def __init__(self, app: Application, assembly: Assembly, urls: list[str], options: RuntimeOptions) -> None:
        self.assembly, self.urls = assembly, urls
        self.loop = loop = asyncio.get_running_loop()
        self.owner = asyncio.current_task()
        """The task inside the block."""
        self.leaving = False
        self.thread, self.process = threading.get_ident(), os.getpid()
        durable = assembly.engine.store.path is not None
        self.calls = EngineCalls(app, assembly.engine, loop, options.get("timeout", 30.0), durable=durable)
        self.views = StoreViews(app, assembly.engine.store, assembly.engine.clock)
        self.asgi = IngressAsgi(app, assembly.engine, loop, options.get("token"))
        self.console = ConsoleAsgi(
            assembly.engine, loop, options.get("token"), options.get("console", "full"), app.settings.body_limit
        )

    def read(self, read: Callable[[StoreViews], _T]) -> _T:
        """Call *read* on the thread of the engine, and return its result: as of the last commit."""
        if threading.get_ident() == self.thread:
            return read(self.views)
        future: Future[_T] = Future()

        def on_loop() -> None:
            with contextlib.suppress(InvalidStateError):  # the caller has gone
                try:
                    future.set_result(read(self.views))
                except Exception as error:  # the caller's
                    future.set_exception(error)

        self.calls.run_on_loop(on_loop, future, lambda: RuntimeError(NOT_RUNNING))
        return future.result()

    def failing(self) -> list[FailingView]:
        """The failing messages of the engine."""
        return self.read(lambda views: views.failing(self.assembly.engine.view.failing_messages()))
