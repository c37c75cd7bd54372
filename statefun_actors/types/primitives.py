"""Codecs of bool, int, float, str and bytes, the types that every StateFun SDK shares.

Each is encoded as a message with one field, number 1 (bytes are not wrapped). As in proto3, the zero value is empty
bytes. The usual length is packed and unpacked here; any other input is parsed by :mod:`~statefun_actors.types.wire`:
any number of fields in any order, of which the last is valid.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from typing import Any, Final

from google.protobuf import wrappers_pb2
from google.protobuf.message import Message

from statefun_actors.types import wire
from statefun_actors.types.codec import Codec
from statefun_actors.types.mismatch import Mismatch, kind, text_mismatch
from statefun_actors.types.scalars import (
    LARGEST,
    base64_text,
    bytes_of_base64,
    exact_float,
    int64_mismatch,
    nearest_float,
)
from statefun_actors.types.sharing import UnsharedIfOf

BOOL_TYPENAME: Final = "io.statefun.types/bool"
INT_TYPENAME: Final = "io.statefun.types/int"
LONG_TYPENAME: Final = "io.statefun.types/long"
FLOAT_TYPENAME: Final = "io.statefun.types/float"
DOUBLE_TYPENAME: Final = "io.statefun.types/double"
STRING_TYPENAME: Final = "io.statefun.types/string"
BYTES_TYPENAME: Final = "statefun-actors/bytes"

_WRAPPER_CLASSES: Final[dict[str, type[Message]]] = {
    f"type.googleapis.com/{wrapper.DESCRIPTOR.full_name}": wrapper
    for wrapper in (
        wrappers_pb2.BoolValue,
        wrappers_pb2.Int32Value,
        wrappers_pb2.Int64Value,
        wrappers_pb2.UInt32Value,
        wrappers_pb2.UInt64Value,
        wrappers_pb2.FloatValue,
        wrappers_pb2.DoubleValue,
        wrappers_pb2.StringValue,
        wrappers_pb2.BytesValue,
    )
}

_LONG = struct.Struct("<Bq")
_INT = struct.Struct("<Bi")
_DOUBLE = struct.Struct("<Bd")
_FLOAT = struct.Struct("<Bf")
_TAG_64, _TAG_32, _TAG_LENGTH = 0x09, 0x0D, 0x0A
_POSITIVE_ZERO = _DOUBLE.pack(_TAG_64, 0.0)
_TEXT_HEADS: Final = wire.SHORT[1]


class _Primitive(Codec):
    __slots__ = ()

    def __init__(self, cls: type, typename: str, also: Iterable[str], wrappers: Iterable[str]) -> None:
        self.annotation = cls
        self.spelling = f"`{cls.__name__}`"
        self.typename = typename
        self.accepts = frozenset((typename, *also))
        self.lenient = frozenset(f"type.googleapis.com/google.protobuf.{name}" for name in wrappers)
        self.immutable = True
        self.unshared = UnsharedIfOf(float) if cls is float else None

    def to_json(self, value: Any) -> object:
        self.encode(value)
        return value

    def from_json(self, obj: Any) -> object:
        self.encode(obj)
        return obj

    def _unwrap(self, data: bytes, typename: str) -> object:
        """The value in a 2.x wrapper message."""
        if typename not in self.lenient:
            raise self.refuse_typename(typename)
        wrapper = _WRAPPER_CLASSES[typename]()
        try:
            wrapper.ParseFromString(data)
        except Exception as error:  # upb raises DecodeError, pure Python others as well
            raise ValueError(f"malformed {typename}: {error}") from error
        return wrapper.value  # type: ignore[attr-defined]


class _Bool(_Primitive):
    __slots__ = ()

    def encode(self, value: Any) -> bytes:
        if value is True:
            return b"\x08\x01"
        if value is False:
            return b""
        raise Mismatch("`bool`", kind(value)).error()

    def decode(self, data: bytes, typename: str | None = None) -> object:
        if typename is not None and typename != BOOL_TYPENAME:
            return self._unwrap(data, typename)
        if data == b"\x08\x01":
            return True
        return bool(data) and bool(wire.last(data, wire.VARINT))


class _Int(_Primitive):
    __slots__ = ()

    def encode(self, value: Any) -> bytes:
        if value.__class__ is not int:
            raise Mismatch("`int`", kind(value)).error()
        if not value:
            return b""
        try:
            return _LONG.pack(_TAG_64, value)
        except struct.error:
            raise int64_mismatch(value).error() from None

    def decode(self, data: bytes, typename: str | None = None) -> object:
        if typename is None or typename == LONG_TYPENAME:
            if not data:
                return 0
            if len(data) == 9:
                tag, number = _LONG.unpack(data)
                if tag == _TAG_64:
                    return number
            return _fixed(data, wire.FIXED64)
        if typename == INT_TYPENAME:
            if len(data) == 5 and data[0] == _TAG_32:
                return _INT.unpack(data)[1]
            return _fixed(data, wire.FIXED32) if data else 0
        number = self._unwrap(data, typename)
        if number > LARGEST:  # type: ignore[operator]
            raise int64_mismatch(number).error()  # type: ignore[arg-type]
        return number


class _Float(_Primitive):
    __slots__ = ()

    def encode(self, value: Any) -> bytes:
        if value.__class__ is not float:
            try:
                value = exact_float(value)
            except Mismatch as mismatch:
                raise mismatch.error() from None
        data = _DOUBLE.pack(_TAG_64, value)
        return b"" if data == _POSITIVE_ZERO else data  # -0.0 is not the zero value: its sign would be lost

    def decode(self, data: bytes, typename: str | None = None) -> object:
        if typename is None or typename == DOUBLE_TYPENAME:
            if not data:
                return 0.0
            if len(data) == 9:
                tag, number = _DOUBLE.unpack(data)
                if tag == _TAG_64:
                    return number
            return _floating(data, wire.FIXED64)
        if typename == FLOAT_TYPENAME:
            if len(data) == 5 and data[0] == _TAG_32:
                return _FLOAT.unpack(data)[1]
            return _floating(data, wire.FIXED32) if data else 0.0
        return self._unwrap(data, typename)

    def to_json(self, value: Any) -> object:
        try:
            number = exact_float(value)
        except Mismatch as mismatch:
            raise mismatch.error() from None
        if math.isfinite(number):
            return number
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"

    def from_json(self, obj: Any) -> object:
        if obj.__class__ is str and obj in ("NaN", "Infinity", "-Infinity"):
            return float(obj)
        try:
            return nearest_float(obj)
        except Mismatch as mismatch:
            raise mismatch.error() from None


class _Str(_Primitive):
    __slots__ = ()

    def encode(self, value: Any) -> bytes:
        if value.__class__ is not str:
            raise Mismatch("`str`", kind(value)).error()
        try:
            text: bytes = value.encode()
        except UnicodeEncodeError:
            raise text_mismatch(value).error() from None
        size = len(text)
        return _TEXT_HEADS[size] + text if 0 < size < wire.ONE_BYTE else wire.length_field(1, text)

    def decode(self, data: bytes, typename: str | None = None) -> object:
        if typename is not None and typename != STRING_TYPENAME:
            return self._unwrap(data, typename)
        size = len(data)
        if 1 < size < 0x82 and data[0] == _TAG_LENGTH and data[1] == size - 2:
            return data[2:].decode()
        text = wire.last(data, wire.LENGTH)
        return text.decode() if isinstance(text, bytes) else ""


class _Bytes(_Primitive):
    __slots__ = ()

    def encode(self, value: Any) -> bytes:
        if value.__class__ is not bytes:
            raise Mismatch("`bytes`", kind(value)).error()
        return value

    def decode(self, data: bytes, typename: str | None = None) -> object:
        if typename is not None and typename != BYTES_TYPENAME:
            return self._unwrap(data, typename)
        return data

    def to_json(self, value: Any) -> object:
        return base64_text(self.encode(value))

    def from_json(self, obj: Any) -> object:
        try:
            return bytes_of_base64(obj)
        except Mismatch as mismatch:
            raise mismatch.error() from None


def _fixed(data: bytes, wire_type: int) -> int:
    found = wire.last(data, wire_type)
    return int.from_bytes(found, "little", signed=True) if isinstance(found, bytes) else 0


def _floating(data: bytes, wire_type: int) -> float:
    found = wire.last(data, wire_type)
    if not isinstance(found, bytes):
        return 0.0
    number: float = struct.unpack("<d" if wire_type == wire.FIXED64 else "<f", found)[0]
    return number


BOOL: Final = _Bool(bool, BOOL_TYPENAME, (), ("BoolValue",))
INT: Final = _Int(int, LONG_TYPENAME, (INT_TYPENAME,), ("Int64Value", "Int32Value", "UInt64Value", "UInt32Value"))
FLOAT: Final = _Float(float, DOUBLE_TYPENAME, (FLOAT_TYPENAME,), ("DoubleValue", "FloatValue"))
STR: Final = _Str(str, STRING_TYPENAME, (), ("StringValue",))
BYTES: Final = _Bytes(bytes, BYTES_TYPENAME, (), ("BytesValue",))

PRIMITIVES: Final[dict[type, Codec]] = {bool: BOOL, int: INT, float: FLOAT, str: STR, bytes: BYTES}
