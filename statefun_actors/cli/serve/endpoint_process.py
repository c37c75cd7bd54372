"""The endpoint as a process of a local cluster.

Its application is pickled on its standard input, by :func:`endpoint_program`; its socket is inherited.
"""

from __future__ import annotations

import pickle
import socket
import sys

import attrs

from statefun_actors.cli.loading import load_app
from statefun_actors.cli.logs import LogOptions, logging_to_stderr
from statefun_actors.cli.serve.serving import serve_here
from statefun_actors.cluster import EndpointProgram
from statefun_actors.http import Listener, create_app
from statefun_actors.settings import Settings


@attrs.frozen
class _Task:
    app: str
    settings: Settings
    logs: LogOptions
    path: tuple[str, ...]
    """``sys.path`` of the process that loaded the app first."""
    socket: int


def endpoint_program(app: str, settings: Settings, logs: LogOptions, listener: Listener) -> EndpointProgram:
    """A process that serves APP at *listener*, which stays open here, so that another process can replace it."""
    (listening,) = listener.sockets
    task = _Task(app, settings, logs, tuple(sys.path), listening.fileno())
    return EndpointProgram(
        command=[sys.executable, "-c", f"import sys; from {__name__} import main; sys.exit(main())"],
        data=pickle.dumps(task),
        descriptors=[listening.fileno()],
        url=listener.url(tls=False),
    )


def main() -> int:
    """Serve until a signal."""
    task = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
    assert isinstance(task, _Task)
    sys.path[:] = task.path
    with logging_to_stderr(task.logs):
        served = create_app(*load_app(task.app).served, settings=task.settings)
        return serve_here(served, [socket.socket(fileno=task.socket)], None, lambda: print("ready", flush=True))
