"""Request bytes to reply bytes: the application behind either wire, in any web framework."""

from statefun_actors.endpoint.handler import RequestReplyHandler
from statefun_actors.endpoint.host import SystemHost

__all__ = ["RequestReplyHandler", "SystemHost"]
