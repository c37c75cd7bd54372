"""The messages of the primitive types, as in Apache's ``statefun.types_pb2``."""

from statefun_actors.wire import v3_pb2

BooleanWrapper = v3_pb2.BooleanWrapper
DoubleWrapper = v3_pb2.DoubleWrapper
FloatWrapper = v3_pb2.FloatWrapper
IntWrapper = v3_pb2.IntWrapper
LongWrapper = v3_pb2.LongWrapper
StringWrapper = v3_pb2.StringWrapper

__all__ = ["BooleanWrapper", "DoubleWrapper", "FloatWrapper", "IntWrapper", "LongWrapper", "StringWrapper"]
