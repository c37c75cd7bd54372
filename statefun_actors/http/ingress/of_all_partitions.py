"""Routes of one partition whose responses are about all: ``/readyz`` and ``/metrics``."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from statefun_actors.http.ingress.forwarding import Forwarding
from statefun_actors.http.ingress.health import READY, HealthRoutes
from statefun_actors.http.ingress.merged_metrics import merged_metrics
from statefun_actors.http.metrics_route import MetricsRoute
from statefun_actors.http.peers import Failures
from statefun_actors.http.request import OnDone, Pending, Request, Response, line, lines

_PATIENCE_SECONDS: Final = 3.0
"""The timeout for the other partitions."""
_FAILURES: Final = Failures("can't be reached: {reason}", "{did}")

Together: TypeAlias = Callable[[Mapping[int, Response]], Response]
"""Makes one response of those of all partitions, by number, in order."""


class ForwardedHealth:
    """Responds to ``/readyz`` for all partitions: ready if each is; otherwise it names those that are not."""

    def __init__(self, route: HealthRoutes, forwarding: Forwarding) -> None:
        self._route, self._forwarding = route, forwarding
        self.admit = route.admit

    def respond(self, request: Request, body: bytes) -> Response | Pending:
        here = self._route.respond(request, body)
        if request.target.partition(b"?")[0] != READY:
            return here
        return _OfAll(self._forwarding, request, here, functools.partial(_readiness, request))


class ForwardedMetrics:
    """Responds with the metrics of all partitions that answer, each with the label ``partition``."""

    def __init__(self, route: MetricsRoute, forwarding: Forwarding) -> None:
        self._route, self._forwarding = route, forwarding
        self.admit = route.admit

    def respond(self, request: Request, body: bytes) -> Pending:
        here = self._route.respond(request, body)
        return _OfAll(self._forwarding, request, here, functools.partial(_metrics, here.content_type))


class _OfAll:
    """The responses of all partitions as one."""

    def __init__(self, forwarding: Forwarding, request: Request, here: Response, together: Together) -> None:
        asked = Request("GET", request.target, request.headers)
        self._together = together
        self._responses = {forwarding.own.own: here}
        self._pending = {
            number: peer.forward(asked, b"", _PATIENCE_SECONDS, _FAILURES) for number, peer in forwarding.peers.items()
        }
        self._callback: OnDone | None = None

    def on_done(self, callback: OnDone) -> None:
        self._callback = callback
        for number, pending in self._pending.items():
            pending.on_done(functools.partial(self._responded, number))
        if not self._pending:
            asyncio.get_running_loop().call_soon(self._end)

    def cancel(self) -> None:
        for pending in self._pending.values():
            pending.cancel()
        if (callback := self._callback) is not None:
            self._callback = None
            callback(None)

    def _responded(self, number: int, response: Response | None) -> None:
        if response is not None:
            self._responses[number] = response
            if len(self._responses) == len(self._pending) + 1:
                self._end()

    def _end(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback(self._together(dict(sorted(self._responses.items()))))


def _readiness(request: Request, responses: Mapping[int, Response]) -> Response:
    reasons: list[str] = []
    notices: list[str] = []
    for number, response in responses.items():
        first, *more = response.body.decode().splitlines() or [""]
        if response.status != 200:
            reasons.append(f"partition {number}: {first.removeprefix('not ready: ')}")
        notices += [f"partition {number}: {each}" for each in more]
    status, text = (503, f"not ready: {'; '.join(reasons)}") if reasons else (200, "ready")
    return lines(status, [text, *notices]) if request.target.endswith(b"?verbose") else line(status, text)


def _metrics(content_type: bytes | None, responses: Mapping[int, Response]) -> Response:
    shown = {
        number: response.body.decode() if response.status == 200 else None for number, response in responses.items()
    }
    return Response(200, merged_metrics(shown).encode(), content_type)
