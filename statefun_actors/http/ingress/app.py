"""``create_ingress_app``: the ingress as an ASGI app. It needs no web framework, so a run starts without one."""

from __future__ import annotations

from typing import Final

from statefun_actors.dispatch import Application
from statefun_actors.http.front import Front
from statefun_actors.http.ingress.door import IngressDoor
from statefun_actors.http.ingress.guard import Guard
from statefun_actors.http.ingress.rest import Rest
from statefun_actors.ingress import Backend

BODIES_READ: Final = 4
"""How many bodies of the largest size may be on their way at the same time."""


def create_ingress_app(application: Application, backend: Backend, guard: Guard) -> Front:
    """The ingress to *application*, as an ASGI app over whoever takes its messages.

    ``PUT`` and ``POST`` to ``/ingress/<namespace>/<name>/<id>`` send one message, to ``/ingress`` many, as lines of
    JSON. ``GET /healthz`` and ``/readyz`` are for everybody, whatever else it answers only for whom *guard* admits.
    """
    limit = application.settings.body_limit
    rest = Rest(guard, lambda: front.stopping)
    front = Front(
        IngressDoor(application, backend, guard).opens, limit, otherwise=rest, bodies_limit=BODIES_READ * limit
    )
    return front
