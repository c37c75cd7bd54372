"""Builds the engine of a runtime from its options."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Final

from statefun_actors.address import Address
from statefun_actors.assembly import Assembly, Service
from statefun_actors.assembly.control import ControlService
from statefun_actors.assembly.ingress import HttpService
from statefun_actors.connectors import FileTarget, HttpTarget, StdoutTarget, open_sink
from statefun_actors.dispatch import Application
from statefun_actors.engine import Check, Engine, EngineOptions, Sink, SystemClock
from statefun_actors.errors import DefinitionError
from statefun_actors.http import Listener, listen
from statefun_actors.runtime.options import RuntimeOptions, egress_targets
from statefun_actors.store import MEMORY, file_of, open_store

_PORT: Final = 8080
_CACHE_BYTES: Final = 64 * 1024 * 1024
_EGRESS_BACKLOG: Final = 1_000_000


def assemble(
    app: Application,
    options: RuntimeOptions,
    *,
    on_failure: Callable[[Address, BaseException], None],
    on_death: Callable[[BaseException], None],
) -> tuple[Assembly, list[str]]:
    """An engine for *app*, not yet started, and the URLs at which it will listen.

    Args:
        app: the application to run.
        options: of the runtime.
        on_failure: called with each failure of a message without a failure policy.
        on_death: called with the reason if the engine ends by itself.

    Raises:
        StoreError, IncompatibleStateError, LossRefusedError, EgressFileError: the store, or a file, can't be used.
        DefinitionError: an option is invalid.
        OSError: it can't listen at an address of ``bind=``.
    """
    token = options.get("token")
    path = options.get("store")
    url = MEMORY if path is None else path
    targets = egress_targets(options.get("egress", {}), None if url == MEMORY else file_of(url))
    with contextlib.ExitStack() as resources:
        listeners = _listeners(options.get("bind"), token, resources)
        store = open_store(url)
        resources.callback(store.close)
        sinks: dict[str, Sink] = {
            name: open_sink(target, app.codecs(), resources)
            if isinstance(target, FileTarget | HttpTarget | StdoutTarget)
            else target
            for name, target in targets.items()
        }
        engine = Engine(
            app,
            store,
            SystemClock(),
            sinks=sinks,
            options=EngineOptions(
                cache_bytes=options.get("cache_bytes", _CACHE_BYTES),
                egress_backlog=options.get("egress_backlog", _EGRESS_BACKLOG),
                history=options.get("history", 0),
            ),
            check_changes=Check(strict=options.get("strict", False), after_move=options.get("after_move", False)),
            on_failure=on_failure,
        )
        services: list[Service] = [ControlService(store)]
        if listeners:
            console = options.get("console", "full")
            services.append(HttpService(listeners, token, own_loop=False, console=console))
        urls = [listener.url(tls=False) for listener in listeners]
        return Assembly(engine, services, resources.pop_all(), on_death), urls


def _listeners(bind: str | Sequence[str] | None, token: str | None, resources: contextlib.ExitStack) -> list[Listener]:
    listeners: list[Listener] = []
    for each in [] if bind is None else [bind] if isinstance(bind, str) else bind:
        try:
            listener = listen(each, port=_PORT)
        except ValueError as error:
            raise DefinitionError("a runtime", [f"bind=: {error}"]) from None
        resources.callback(listener.close)
        listeners.append(listener)
        if token is None and not listener.local:
            problem = f"bind={listener.name!r} can be reached from other machines, so it needs token="
            raise DefinitionError("a runtime", [problem])
    return listeners
