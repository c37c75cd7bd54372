"""The messages of protocol 3.x, as in Apache's ``statefun.request_reply_pb2``."""

from statefun_actors.wire import v3_pb2

Address = v3_pb2.Address
FromFunction = v3_pb2.FromFunction
ToFunction = v3_pb2.ToFunction
TypedValue = v3_pb2.TypedValue

__all__ = ["Address", "FromFunction", "ToFunction", "TypedValue"]
