"""What is answered at all other paths than the ingress: that the server lives, that it is ready, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any as Untyped
from typing import Final

from statefun_actors.http.exchange import Exchange, RefusedError, Response, line
from statefun_actors.http.ingress.guard import Guard

_ALIVE: Final = b"/healthz"
_READY: Final = b"/readyz"


class Rest:
    """Answers ``GET /healthz`` and ``/readyz`` for everybody; whom *guard* admits is told that there is no more."""

    def __init__(self, guard: Guard, stopping: Callable[[], bool]) -> None:
        self._guard, self._stopping = guard, stopping

    def admit(self, exchange: Exchange) -> None:
        if exchange.target.partition(b"?")[0] not in {_ALIVE, _READY}:
            self._guard.admit(exchange)
            raise RefusedError(line(404, "Not Found"))
        if exchange.method not in {"GET", "HEAD"}:
            raise RefusedError(line(405, "Method Not Allowed", (b"allow", b"GET, HEAD")))

    async def answer(self, exchange: Exchange, body: bytes) -> Response:  # noqa: ARG002 - nothing is asked in it
        if exchange.target.partition(b"?")[0] == _ALIVE:
            return line(200, "alive")
        return line(503, "stopping") if self._stopping() else line(200, "ready")

    def begin(
        self,
        exchange: Exchange,
        body: bytes,
        tell: Callable[[Response], None],  # noqa: ARG002 - a task tells
    ) -> Coroutine[Untyped, Untyped, Response]:
        return self.answer(exchange, body)
