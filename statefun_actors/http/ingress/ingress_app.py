"""``create_ingress_app``: the ingress as an ASGI app. It needs no web framework, so a run starts without one."""

from __future__ import annotations

from statefun_actors.dispatch import Application
from statefun_actors.http.ingress.guard import Guard
from statefun_actors.http.ingress.health import HealthRoutes
from statefun_actors.http.ingress.route import IngressRoute
from statefun_actors.http.router import Router
from statefun_actors.ingress import Backend


def create_ingress_app(application: Application, backend: Backend, guard: Guard) -> Router:
    """The ingress to *application*, as an ASGI app over the *backend* that takes its messages.

    ``PUT`` and ``POST`` to ``/ingress/<namespace>/<name>/<id>`` send one message, to ``/ingress`` many, as lines of
    JSON. ``GET /healthz`` and ``/readyz`` are for everybody; *guard* admits all others, and ``/readyz?verbose``, which
    names messages that keep failing.
    """
    health = HealthRoutes(guard, backend, lambda: router.stopping)
    router = Router(IngressRoute(application, backend, guard).at, application.settings.body_limit, otherwise=health)
    return router
