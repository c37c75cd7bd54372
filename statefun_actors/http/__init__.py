"""The endpoint that Flink calls: a Quart app, and Hypercorn to serve it."""

from statefun_actors.http.app import create_app
from statefun_actors.http.listening import Listener, Tls, listen
from statefun_actors.http.server import STOP_SECONDS, serve

__all__ = ["STOP_SECONDS", "Listener", "Tls", "create_app", "listen", "serve"]
