"""Turns request bytes into response bytes, for both protocols, in any web framework."""

from statefun_actors.endpoint.handler import RequestReplyHandler, batch_with_headers

__all__ = ["RequestReplyHandler", "batch_with_headers"]
