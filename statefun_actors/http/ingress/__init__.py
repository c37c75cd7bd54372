"""Messages over HTTP: ``PUT /ingress/<namespace>/<name>/<id>``."""

from statefun_actors.http.ingress.forwarding import Forwarding
from statefun_actors.http.ingress.guard import Guard
from statefun_actors.http.ingress.ingress_app import create_ingress_app

__all__ = ["Forwarding", "Guard", "create_ingress_app"]
