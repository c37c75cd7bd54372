"""Requests that one process of a system forwards to another one, over its Unix socket."""

from statefun_actors.http.peers.peer import Failures, Peer, PendingForward
from statefun_actors.http.peers.serving import serve_peers

__all__ = ["Failures", "Peer", "PendingForward", "serve_peers"]
