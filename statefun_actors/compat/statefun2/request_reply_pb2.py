"""The messages of protocol 2.x, as in Apache's ``statefun.request_reply_pb2``."""

from statefun_actors.wire import v2_pb2

Address = v2_pb2.Address
FromFunction = v2_pb2.FromFunction
ToFunction = v2_pb2.ToFunction

__all__ = ["Address", "FromFunction", "ToFunction"]
