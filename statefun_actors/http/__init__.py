"""HTTP: the endpoint for Flink and the ingress as ASGI apps, served by Hypercorn."""

from statefun_actors.http.app import create_app
from statefun_actors.http.certificates import CertificatesError, Tls
from statefun_actors.http.ingress import Forwarding, Guard, create_ingress_app
from statefun_actors.http.listening import Listener, listen
from statefun_actors.http.peers import Failures, Peer, serve_peers
from statefun_actors.http.request import OnDone, Pending, RefusedError, Request, Response, Route, line
from statefun_actors.http.router import Router
from statefun_actors.http.server import STOP_SECONDS, serve

__all__ = [
    "STOP_SECONDS",
    "CertificatesError",
    "Failures",
    "Forwarding",
    "Guard",
    "Listener",
    "OnDone",
    "Peer",
    "Pending",
    "RefusedError",
    "Request",
    "Response",
    "Route",
    "Router",
    "Tls",
    "create_app",
    "create_ingress_app",
    "line",
    "listen",
    "serve",
    "serve_peers",
]
