"""Messages over HTTP, for whoever takes them: ``PUT /ingress/<namespace>/<name>/<id>``."""

from statefun_actors.http.ingress.app import create_ingress_app
from statefun_actors.http.ingress.guard import Guard

__all__ = ["Guard", "create_ingress_app"]
