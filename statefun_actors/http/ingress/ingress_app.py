"""``create_ingress_app``: the ingress as an ASGI app. It needs no web framework, so a run starts without one."""

from __future__ import annotations

from collections.abc import Callable

from statefun_actors.dispatch import Application, Responded
from statefun_actors.http.ingress.forwarding import Forwarding, ForwardingRoute
from statefun_actors.http.ingress.guard import Guard
from statefun_actors.http.ingress.health import HealthRoutes
from statefun_actors.http.ingress.message_route import IngressRoute
from statefun_actors.http.ingress.of_all_partitions import ForwardedHealth, ForwardedMetrics
from statefun_actors.http.ingress.reply_route import RepliesRoute
from statefun_actors.http.metrics_route import METRICS, metrics_route
from statefun_actors.http.request import Route
from statefun_actors.http.router import Router
from statefun_actors.ingress import Backend


def create_ingress_app(
    application: Application,
    backend: Backend,
    guard: Guard,
    other: Callable[[str], Route | None] | None = None,
    forwarding: Forwarding | None = None,
) -> Router:
    """The ingress to *application*, as an ASGI app over the *backend* that takes its messages.

    ``PUT`` and ``POST`` to ``/ingress/<namespace>/<name>/<id>`` send one message, to ``/ingress`` many, as lines of
    JSON. ``POST /replies/<token>`` answers an open ask, and needs no other token. ``GET /metrics`` shows an instrument
    that can be shown. ``GET /healthz`` and ``/readyz`` need no token; *guard* checks all other paths, and
    ``/readyz?verbose``, which names messages that keep failing.

    *other* returns the route for another path, None if there is none. With *forwarding*, the backend is one partition:
    messages and answers for others are forwarded, and ``/readyz`` and ``/metrics`` are about all.
    """
    health = HealthRoutes(guard, backend, lambda: router.stopping)
    ingress = IngressRoute(application, backend, guard)
    replies = RepliesRoute(application, backend, guard.without_token())
    metrics = metrics_route(application, guard.admit)
    to_metrics: Route | None = (
        metrics if metrics is None or forwarding is None else ForwardedMetrics(metrics, forwarding)
    )
    to_ingress: Route = ingress if forwarding is None else ForwardingRoute(ingress, forwarding)
    to_replies: Route = replies if forwarding is None else ForwardingRoute(replies, forwarding)

    def route(path: str) -> Route | None:
        if ingress.at(path) is not None:
            return to_ingress
        if replies.at(path) is not None:
            return to_replies
        if path == METRICS and to_metrics is not None:
            return to_metrics
        return None if other is None else other(path)

    last: Route = health if forwarding is None else ForwardedHealth(health, forwarding)
    responded = application.instruments.responded
    on_status = (lambda status: responded(Responded(status))) if responded.heard else None
    router = Router(route, application.settings.body_limit, otherwise=last, on_status=on_status)
    return router
