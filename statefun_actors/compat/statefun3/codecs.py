"""Types as codecs: how the console, command lines and clients read and write their values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from statefun_actors.compat.statefun3.core import SIMPLE_TYPES, Type
from statefun_actors.compat.statefun3.utils import ProtobufType, typed_value
from statefun_actors.compat.statefun3.wrapper_types import WRAPPER_TYPES, ProtobufWrappingType
from statefun_actors.errors import ValueMismatchError
from statefun_actors.interrupts import of_user_code
from statefun_actors.text import describe_error
from statefun_actors.types import Codec, codec_for


class TypeCodec(Codec):
    """A Type as a codec: the bytes are those of its serializer."""

    __slots__ = ("_json", "_type")

    def __init__(self, type: Type) -> None:
        self._type = type
        self.typename = type.typename
        self.accepts = frozenset((type.typename,))
        self.lenient = frozenset()
        self.spelling = f"`{type.typename}`"
        self.immutable = isinstance(type, ProtobufWrappingType)
        self.unshared = None
        self._json: Codec | None = None
        """The codec of the same values whose JSON forms are used."""
        self.annotation: object = type.typename
        if isinstance(type, ProtobufWrappingType):
            self.annotation = type.python_type
            self._json = codec_for(type.python_type)
        elif isinstance(type, ProtobufType):
            self.annotation = type.cls
            self._json = codec_for(type.cls)

    def encode(self, value: object) -> bytes:
        try:
            return typed_value(self._type, value).value
        except BaseException as error:
            got = f"{value.__class__.__name__}: {describe_error(of_user_code(error))}"
            raise ValueMismatchError(self.spelling, got) from error

    def decode(self, data: bytes, typename: str | None = None) -> object:
        if typename is not None and typename != self.typename:
            raise self.refuse_typename(typename)
        try:
            return self._type.serializer().deserialize(data)
        except BaseException as error:
            raise ValueError(f"malformed {self.typename}: {describe_error(of_user_code(error))}") from error

    def to_json(self, value: object) -> object:
        if self._json is not None:
            return self._json.to_json(value)
        try:
            return json.loads(json.dumps(value, allow_nan=False))
        except BaseException as error:  # the classes of the user may do anything
            got = f"{value.__class__.__name__}: {describe_error(of_user_code(error))}"
            raise ValueMismatchError("a value with a JSON form", got) from error

    def from_json(self, obj: Any) -> object:
        value = obj if self._json is None else self._json.from_json(obj)
        self.encode(value)
        return value


_codecs: dict[Type, TypeCodec] = {}


def codec_of(type: Type) -> TypeCodec:
    """The codec of *type*, always the same one."""
    if (codec := _codecs.get(type)) is None:
        codec = _codecs[type] = TypeCodec(type)
    return codec


def codecs() -> Mapping[str, Codec]:
    """The codecs of the primitive types and of the simple types of this process, by typename."""
    return {type.typename: codec_of(type) for type in (*WRAPPER_TYPES, *SIMPLE_TYPES.values())}
