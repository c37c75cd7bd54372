"""``RunningParts``: what an AsyncRuntime has while it runs."""

from __future__ import annotations

import asyncio
import os
import threading

from statefun_actors.assembly import Assembly
from statefun_actors.assembly.views import StoreViews
from statefun_actors.dispatch import Application
from statefun_actors.runtime.asgi import IngressAsgi
from statefun_actors.runtime.console_asgi import ConsoleAsgi
from statefun_actors.runtime.engine_calls import EngineCalls
from statefun_actors.runtime.options import RuntimeOptions


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
