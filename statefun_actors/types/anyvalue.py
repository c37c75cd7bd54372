"""A ``google.protobuf.Any`` and a TypedValue say the same: a typename and bytes."""

from __future__ import annotations

from google.protobuf.any_pb2 import Any as AnyMessage

from statefun_actors.model import TypedValue
from statefun_actors.types.mismatch import Mismatch


def typed_of_any(message: AnyMessage) -> TypedValue:
    """What *message* carries, under its ``type_url``.

    Raises:
        ValueMismatchError: it has no ``type_url``.
    """
    typename = message.type_url
    if not typename:
        raise Mismatch("an Any with a type_url", "one without").error()
    return TypedValue(typename, message.value)


def any_of(typed: TypedValue) -> AnyMessage:
    """*typed* as an Any, its ``type_url`` the typename. Values of every type can be carried, primitives included.

    Raises:
        ValueError: the typename is no text that protobuf can write.
    """
    message = AnyMessage()
    message.type_url = typed.typename
    message.value = typed.value
    return message
