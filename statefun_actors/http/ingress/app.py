"""``create_ingress_app``: the ingress as a Quart app, to serve as it is or to add routes to."""

from __future__ import annotations

from typing import Final

from quart import Quart

from statefun_actors.dispatch import Application
from statefun_actors.http.app import bare_app, behind
from statefun_actors.http.exchange import Exchange
from statefun_actors.http.front import Front
from statefun_actors.http.ingress.door import IngressDoor
from statefun_actors.http.ingress.guard import Guard
from statefun_actors.ingress import Backend

BODIES_READ: Final = 4
"""How many bodies of the largest size may be on their way at the same time."""


def create_ingress_app(application: Application, backend: Backend, guard: Guard) -> Quart:
    """The ingress to *application*, as an ASGI app over whoever takes its messages.

    ``PUT`` and ``POST`` to ``/ingress/<namespace>/<name>/<id>`` send one message, to ``/ingress`` many, as lines of
    JSON. ``GET /healthz`` and ``/readyz`` are for everybody, whatever else it answers only for whom *guard* admits.
    """
    app = bare_app()
    door = IngressDoor(application, backend, guard)

    def admit(exchange: Exchange) -> None:
        if exchange.target not in {b"/healthz", b"/readyz"}:
            guard.admit(exchange)

    limit = application.settings.body_limit
    front = Front(door.opens, limit, otherwise=app.asgi_app, bodies_limit=BODIES_READ * limit, admit=admit)
    return behind(front, app)
