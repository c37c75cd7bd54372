"""What is answered at all other paths than the ingress: that the server lives, that it is ready, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any as Untyped
from typing import Final

from statefun_actors.http.ingress.guard import Guard
from statefun_actors.http.request import RefusedError, Request, Response, line, lines
from statefun_actors.ingress import Backend

_ALIVE: Final = b"/healthz"
_READY: Final = b"/readyz"
_VERBOSE: Final = b"verbose"
_MOST_NOTICES: Final = 100


class HealthRoutes:
    """Answers ``GET /healthz`` and ``/readyz`` for everybody, ``/readyz?verbose`` for whom *guard* admits."""

    def __init__(self, guard: Guard, backend: Backend, stopping: Callable[[], bool]) -> None:
        self._guard, self._backend, self._stopping = guard, backend, stopping

    def admit(self, exchange: Request) -> None:
        path, _, query = exchange.target.partition(b"?")
        if query == _VERBOSE or path not in {_ALIVE, _READY}:
            self._guard.admit(exchange)
        if path not in {_ALIVE, _READY}:
            raise RefusedError(line(404, "Not Found"))
        if exchange.method not in {"GET", "HEAD"}:
            raise RefusedError(line(405, "Method Not Allowed", (b"allow", b"GET, HEAD")))

    async def answer(self, exchange: Request, body: bytes) -> Response:  # noqa: ARG002 - nothing is asked in it
        path, _, query = exchange.target.partition(b"?")
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

    def begin(
        self,
        exchange: Request,
        body: bytes,
        tell: Callable[[Response], None],  # noqa: ARG002 - a task tells
    ) -> Coroutine[Untyped, Untyped, Response]:
        return self.answer(exchange, body)
