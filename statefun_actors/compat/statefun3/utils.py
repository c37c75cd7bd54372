"""Values as bytes and back, and types made of JSON and protobuf, as in Apache's ``statefun.utils``."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.message import Message as ProtobufMessage

from statefun_actors.compat.statefun3.core import SimpleType, Type
from statefun_actors.compat.statefun3.request_reply_pb2 import TypedValue as ProtobufTypedValue
from statefun_actors.model import TypedValue


class ProtobufType(SimpleType):
    """The type of a generated protobuf class."""

    __slots__ = ("cls",)

    def __init__(self, typename: str, cls: type[ProtobufMessage]) -> None:
        super().__init__(typename, cls.SerializeToString, cls.FromString)
        self.cls = cls


def typed_value(type: Type, value: object) -> TypedValue:
    """*value* as a TypedValue, which this library sends as it is: ``typed_value(IntType, 3)``.

    Raises:
        TypeError: the serializer of *type* does not return bytes.
        Exception: the serializer raised it: *value* does not fit.
    """
    data = type.serializer().serialize(value)
    if data.__class__ is not bytes:
        if not isinstance(data, bytes | bytearray):
            raise TypeError(
                f"expected bytes from the serializer of {type.typename}, got {data.__class__.__name__}; "
                "encode a str: text.encode()"
            )
        data = bytes(data)
    return TypedValue(type.typename, data)


def to_typed_value(type: Type, value: object) -> ProtobufTypedValue:
    """*value* as the message of the protocol; None becomes a message without a value."""
    if value is None:
        return ProtobufTypedValue(typename=type.typename)
    typed = typed_value(type, value)
    return ProtobufTypedValue(typename=typed.typename, has_value=True, value=typed.value)


def from_typed_value(tpe: Type, typed_value: ProtobufTypedValue | None) -> Any:
    """The value in *typed_value*; None if it has none.

    Raises:
        TypeError: it is of another type.
    """
    if typed_value is None or not typed_value.has_value:
        return None
    if typed_value.typename != tpe.typename:
        raise TypeError(f"expected a value of {tpe.typename}, got {typed_value.typename}")
    return tpe.serializer().deserialize(typed_value.value)


def make_protobuf_type(cls: type[ProtobufMessage], namespace: str | None = None) -> Type:
    """The type of the generated protobuf class *cls*, named ``<namespace>/<full name>``.

    The default namespace is ``type.googleapis.com``, as in a ``google.protobuf.Any``.

    Raises:
        ValueError: no class.
    """
    if not cls:
        raise ValueError("expected a generated protobuf class, got none")
    return ProtobufType(f"{namespace or 'type.googleapis.com'}/{cls.DESCRIPTOR.full_name}", cls)


def _json_bytes(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def make_json_type(typename: str) -> Type:
    """The type *typename*, whose values are written as JSON by Python's ``json`` module."""
    return SimpleType(typename, _json_bytes, json.loads)
