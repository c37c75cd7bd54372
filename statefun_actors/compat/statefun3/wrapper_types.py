"""The primitive types, which all SDKs share, as in Apache's ``statefun.wrapper_types``."""

from __future__ import annotations

from typing import Any, Final

from statefun_actors.compat.statefun3.core import Type, TypeSerializer
from statefun_actors.compat.statefun3.types_pb2 import (
    BooleanWrapper,
    DoubleWrapper,
    FloatWrapper,
    IntWrapper,
    LongWrapper,
    StringWrapper,
)


class ProtobufWrappingTypeSerializer(TypeSerializer):
    """Encodes a value as a message with one field, ``value``."""

    __slots__ = ("wrapper",)

    def __init__(self, wrapper: Any) -> None:
        self.wrapper = wrapper

    def serialize(self, value: Any) -> bytes:
        return self.wrapper(value=value).SerializeToString()  # type: ignore[no-any-return]

    def deserialize(self, byte: bytes) -> Any:
        return self.wrapper.FromString(byte).value


class ProtobufWrappingType(Type):
    """A primitive type."""

    __slots__ = ("_serializer", "python_type", "wrapper")

    def __init__(self, typename: str, wrapper_message_type: Any, python_type: type) -> None:
        super().__init__(typename)
        self.wrapper, self.python_type = wrapper_message_type, python_type
        self._serializer = ProtobufWrappingTypeSerializer(wrapper_message_type)

    def serializer(self) -> TypeSerializer:
        return self._serializer


BoolType: Final = ProtobufWrappingType("io.statefun.types/bool", BooleanWrapper, bool)
IntType: Final = ProtobufWrappingType("io.statefun.types/int", IntWrapper, int)
"""Integers of 32 bits."""
FloatType: Final = ProtobufWrappingType("io.statefun.types/float", FloatWrapper, float)
"""Floating-point numbers of 32 bits."""
LongType: Final = ProtobufWrappingType("io.statefun.types/long", LongWrapper, int)
"""Integers of 64 bits."""
DoubleType: Final = ProtobufWrappingType("io.statefun.types/double", DoubleWrapper, float)
"""Floating-point numbers of 64 bits."""
StringType: Final = ProtobufWrappingType("io.statefun.types/string", StringWrapper, str)

WRAPPER_TYPES: Final = (BoolType, IntType, FloatType, LongType, DoubleType, StringType)
PY_TYPE_TO_WRAPPER_TYPE: Final = {int: IntType, bool: BoolType, float: FloatType, str: StringType}
WRAPPER_TYPE_TO_PY_TYPE: Final = {wrapper: cls for cls, wrapper in PY_TYPE_TO_WRAPPER_TYPE.items()}
