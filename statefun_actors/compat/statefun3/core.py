"""Addresses, types and specifications of states, as in Apache's ``statefun.core``."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from keyword import iskeyword
from typing import Any, Final

from statefun_actors.address import Address
from statefun_actors.compat.typenames import parse_typename

__all__ = [
    "SIMPLE_TYPES",
    "SdkAddress",
    "SimpleType",
    "Type",
    "TypeSerializer",
    "UserTypeSerializer",
    "ValueSpec",
    "parse_typename",
    "sdk_address",
    "simple_type",
]


@dataclass(frozen=True)
class SdkAddress:
    """The address of a function: ``typename`` is ``<namespace>/<name>``."""

    namespace: str
    name: str
    id: str
    typename: str


def sdk_address(address: Address) -> SdkAddress:
    """*address* as the SDK has it."""
    namespace, _, name = address.typename.rpartition("/")
    return SdkAddress(namespace, name, address.id, address.typename)


class TypeSerializer(abc.ABC):
    """Encodes the values of one type, and decodes them."""

    __slots__ = ()

    @abc.abstractmethod
    def serialize(self, value: Any) -> bytes:
        """The bytes of *value*."""

    @abc.abstractmethod
    def deserialize(self, byte: bytes) -> Any:
        """The value that *byte* encodes."""


class Type(abc.ABC):
    """The type of values: a typename ``<namespace>/<name>`` and a serializer."""

    __slots__ = ("typename",)

    def __init__(self, typename: str) -> None:
        if not typename:
            raise ValueError("expected a typename such as 'shop/cart', got none")
        self.typename = typename

    @abc.abstractmethod
    def serializer(self) -> TypeSerializer:
        """The serializer of its values."""


class SimpleType(Type):
    """A type whose serializer is two functions."""

    __slots__ = ("_serializer",)

    def __init__(
        self, typename: str, serialize_fn: Callable[[Any], bytes], deserialize_fn: Callable[[bytes], Any]
    ) -> None:
        super().__init__(typename)
        self._serializer = UserTypeSerializer(serialize_fn, deserialize_fn)
        SIMPLE_TYPES[typename] = self

    def serializer(self) -> TypeSerializer:
        return self._serializer


class UserTypeSerializer(TypeSerializer):
    """A serializer that calls two functions."""

    __slots__ = ("deserialize_fn", "serialize_fn")

    def __init__(self, serialize_fn: Callable[[Any], bytes], deserialize_fn: Callable[[bytes], Any]) -> None:
        for name, function in (("serialize_fn", serialize_fn), ("deserialize_fn", deserialize_fn)):
            if not callable(function):
                raise ValueError(f"{name}= is a function, got {function!r}")  # noqa: TRY004 - as Apache's SDK raises
        self.serialize_fn, self.deserialize_fn = serialize_fn, deserialize_fn

    def serialize(self, value: Any) -> bytes:
        return self.serialize_fn(value)

    def deserialize(self, byte: bytes) -> Any:
        return self.deserialize_fn(byte)


SIMPLE_TYPES: Final[dict[str, SimpleType]] = {}
"""The simple types of this process by typename; the last one made has the name."""


def simple_type(
    typename: str,
    serialize_fn: Callable[[Any], bytes],
    deserialize_fn: Callable[[bytes], Any],
) -> Type:
    """The type *typename*, whose values *serialize_fn* encodes as bytes and *deserialize_fn* decodes.

    Raises:
        ValueError: no typename, or one of the two is no function.
    """
    return SimpleType(typename, serialize_fn, deserialize_fn)


class ValueSpec:
    """A state: its name, its type, and when it expires.

    Args:
        name: a lower-case identifier, which becomes an attribute of ``context.storage``.
        type: the type of its values.
        expire_after_call: time after the last call of the function when the state expires.
        expire_after_write: time after the last write when the state expires.

    Raises:
        ValueError: the name is no such identifier, or both times are given.
        TypeError: *type* is no Type.
    """

    __slots__ = ("after_call", "after_write", "duration", "name", "type")

    def __init__(
        self,
        name: str,
        type: Type,
        expire_after_call: timedelta | None = None,
        expire_after_write: timedelta | None = None,
    ) -> None:
        if not name or not name.isidentifier() or iskeyword(name) or not name.islower():
            raise ValueError(f"a state's name is a lower-case identifier and no Python keyword, got {name!r}")
        if not isinstance(type, Type):
            raise TypeError(f"the state {name} needs a Type such as IntType or make_json_type(...), got {type!r}")
        if expire_after_call and expire_after_write:
            raise ValueError(f"the state {name} has expire_after_call= and expire_after_write=; keep one of them")
        self.name, self.type = name, type
        self.after_call, self.after_write = bool(expire_after_call), bool(expire_after_write)
        """Whether it expires after the last call, or after the last write."""
        ttl = expire_after_call or expire_after_write
        self.duration = ttl // timedelta(milliseconds=1) if ttl else 0
        """The time to live in milliseconds."""

    @property
    def ttl(self) -> timedelta:
        """The time to live."""
        return timedelta(milliseconds=self.duration)
