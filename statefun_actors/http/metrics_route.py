"""``GET /metrics``: what an instrument of the application has counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from statefun_actors.dispatch import Application, Exposing
from statefun_actors.http.request import RefusedError, Request, Response, line

METRICS: Final = "/metrics"


class MetricsRoute:
    """Responds with what *exposing* shows, to requests that *admit* lets pass."""

    def __init__(self, exposing: Exposing, admit: Callable[[Request], None]) -> None:
        self._exposing, self._admit = exposing, admit

    def admit(self, request: Request) -> None:
        self._admit(request)
        if request.method not in {"GET", "HEAD"}:
            raise RefusedError(line(405, "Method Not Allowed", (b"allow", b"GET, HEAD")))

    def respond(self, request: Request, body: bytes) -> Response:  # noqa: ARG002 - these requests have none
        content_type, shown = self._exposing.expose(request.header(b"accept").decode("latin-1"))
        return Response(200, shown, content_type.encode())


def metrics_route(application: Application, admit: Callable[[Request], None]) -> MetricsRoute | None:
    """The route for ``/metrics``; None if *application* has no instrument to show there."""
    exposing = application.instruments.exposing
    return None if exposing is None else MetricsRoute(exposing, admit)
