"""``create_ingress_app``: the ingress as an ASGI app. It needs no web framework, so a run starts without one."""

from __future__ import annotations

from statefun_actors.dispatch import Application
from statefun_actors.http.ingress.guard import Guard
from statefun_actors.http.ingress.health import HealthRoutes
from statefun_actors.http.ingress.route import IngressRoute
from statefun_actors.http.router import Router
from statefun_actors.ingress import Backend


def create_ingress_app(application: Application, backend: Backend, guard: Guard) -> Router:
    """The ingress to *application*, as an ASGI app over whoever takes its messages.

    ``PUT`` and ``POST`` to ``/ingress/<namespace>/<name>/<id>`` send one message, to ``/ingress`` many, as lines of
    JSON. ``GET /healthz`` and ``/readyz`` are for everybody, whatever else it answers only for whom *guard* admits:
    ``/readyz?verbose``, too, which names messages that keep failing.
    """
    rest = HealthRoutes(guard, backend, lambda: front.stopping)
    front = Router(IngressRoute(application, backend, guard).opens, application.settings.body_limit, otherwise=rest)
    return front
