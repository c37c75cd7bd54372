"""Runs one process that serves an application."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from socket import socket
from typing import Final

from quart import Quart

from statefun_actors.cli.looping import in_a_loop
from statefun_actors.cli.signals import stop_signals
from statefun_actors.http import STOP_SECONDS, Tls, serve

_LEAVE_SECONDS: Final = STOP_SECONDS - 0.5


def serve_here(app: Quart, sockets: Sequence[socket], tls: Tls | None, announce: Callable[[], None]) -> int:
    """Serve until Ctrl-C or SIGTERM, which it handles before it calls *announce*; return the exit code."""

    async def serve_until_signal() -> None:
        with stop_signals() as stop:
            announce()

            async def wanted() -> None:
                await stop.wanted.wait()
                print("Stopping after the batches in flight. Repeat to stop at once.", file=sys.stderr)

            await serve_until(wanted, app, sockets, tls)

    in_a_loop(serve_until_signal(), "Flink sends the batches in flight again once this is restarted.")
    return 0


async def serve_until(
    wanted: Callable[[], Awaitable[object]], app: Quart, sockets: Sequence[socket], tls: Tls | None
) -> None:
    """Serve until *wanted* returns. After that the process ends within a timeout, even if handlers still run."""

    async def stop() -> None:
        await wanted()
        deadline = threading.Timer(_LEAVE_SECONDS, _leave)
        deadline.daemon = True
        deadline.start()

    await serve(app, sockets, stop=stop, tls=tls)


def _leave() -> None:
    print(f"Some handlers did not end within {_LEAVE_SECONDS:g} s; stopping anyway.", file=sys.stderr, flush=True)
    os._exit(1)
