"""The routes outside the ingress: health checks, and 404 for all other paths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from statefun_actors.http.ingress.guard import Guard
from statefun_actors.http.request import RefusedError, Request, Response, line, lines
from statefun_actors.ingress import Backend

_ALIVE: Final = b"/healthz"
READY: Final = b"/readyz"
_VERBOSE: Final = b"verbose"
_MOST_NOTICES: Final = 100


class HealthRoutes:
    """Responds to ``GET /healthz`` and ``/readyz`` without a token, to ``/readyz?verbose`` if *guard* admits it."""

    def __init__(self, guard: Guard, backend: Backend, stopping: Callable[[], bool]) -> None:
        self._guard, self._backend, self._stopping = guard, backend, stopping

    def admit(self, request: Request) -> None:
        path, _, query = request.target.partition(b"?")
        if query == _VERBOSE or path not in {_ALIVE, READY}:
            self._guard.admit(request)
        if path not in {_ALIVE, READY}:
            raise RefusedError(line(404, "Not Found"))
        if request.method not in {"GET", "HEAD"}:
            raise RefusedError(line(405, "Method Not Allowed", (b"allow", b"GET, HEAD")))

    def respond(self, request: Request, body: bytes) -> Response:  # noqa: ARG002 - these requests have none
        path, _, query = request.target.partition(b"?")
        if path == _ALIVE:
            return line(200, "alive")
        if self._stopping():
            status, text = 503, "stopping"
        elif (reason := self._backend.unready()) is not None:
            status, text = 503, f"not ready: {reason}"
        else:
            status, text = 200, "ready"
        return lines(status, [text, *self._notices()]) if query == _VERBOSE else line(status, text)

    def _notices(self) -> Sequence[str]:
        notices = self._backend.notices()
        more = len(notices) - _MOST_NOTICES
        return [*notices[:_MOST_NOTICES], f"and {more} more"] if more > 0 else notices
