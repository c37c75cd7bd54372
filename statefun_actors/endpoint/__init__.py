"""Request bytes to reply bytes: the application behind either wire, in any web framework."""

from statefun_actors.endpoint.handler import RequestReplyHandler

__all__ = ["RequestReplyHandler"]
