"""``values``: a strategy for the values of any type that can be sent or stored."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import attrs
from google.protobuf import any_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from hypothesis import strategies as st

from statefun_actors.address import Address
from statefun_actors.types import any_of, codec_for, hint_of, is_repeated, pack, unwrapped

_WORD: Final = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10)
_LEAVES: Final[dict[object, st.SearchStrategy[Any]]] = {
    bool: st.booleans(),
    int: st.integers(-(2**31), 2**31 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: _WORD,
    bytes: st.binary(max_size=10),
    datetime: st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    type(None): st.none(),
    any_pb2.Any: st.builds(Duration, seconds=st.integers(0, 1_000)).map(lambda message: any_of(pack(message))),
    Address: st.builds(Address, st.sampled_from(["test/one", "test/two"]), st.sampled_from(["a", "b"])),
}
_CONTAINERS: Final[dict[object, Callable[..., st.SearchStrategy[Any]]]] = {
    list: st.lists,
    set: st.sets,
    frozenset: st.frozensets,
}
_LONGEST: Final = 4


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """A strategy for values of *annotation*: what a message, one of its fields, or a field of an entity may hold.

    Texts and collections are short, integers have 32 bits, floats and Decimals are finite, datetimes are in UTC. A
    ``google.protobuf.any_pb2.Any`` has a Duration.

    Raises:
        TypeError: it is typing.Any, or another type that can't be stored.
        hypothesis.errors.ResolutionFailed: it is a type of which Hypothesis knows nothing.
    """
    annotation = unwrapped(annotation)
    if annotation is Any:
        codec_for(annotation)  # raises, and says what to write instead
    if (leaf := _LEAVES.get(annotation)) is not None:
        return leaf
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([values(each) for each in arguments])
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if (container := _CONTAINERS.get(origin)) is not None:
        return container(values(arguments[0]), max_size=_LONGEST)
    if origin is dict:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=_LONGEST)
    if origin is tuple:
        if arguments[-1:] == (Ellipsis,):
            return st.lists(values(arguments[0]), max_size=_LONGEST).map(tuple)
        return st.tuples(*map(values, arguments))
    if isinstance(annotation, type):
        return _of_class(annotation)
    return st.from_type(annotation)


def _of_class(cls: Any) -> st.SearchStrategy[Any]:
    if issubclass(cls, enum.Enum):
        return st.sampled_from(cls)
    if issubclass(cls, Message):
        return st.deferred(lambda: _protobuf(cls))
    if attrs.has(cls):
        return st.deferred(lambda: _attrs(cls))
    return st.from_type(cls)


def _attrs(cls: Any) -> st.SearchStrategy[Any]:
    members = {field.alias: values(hint_of(cls, field, {})) for field in attrs.fields(cls) if field.init}
    return st.builds(cls, **members)


_SCALARS: Final[dict[int, st.SearchStrategy[Any]]] = {
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_DOUBLE: st.floats(allow_nan=False, allow_infinity=False),
    FieldDescriptor.CPPTYPE_FLOAT: st.floats(allow_nan=False, allow_infinity=False, width=32),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
}


def _protobuf(cls: Any) -> st.SearchStrategy[Any]:
    """Messages of protobuf with any of their scalar fields; fields that repeat or hold messages stay empty."""
    members: dict[str, st.SearchStrategy[Any]] = {}
    for field in cls.DESCRIPTOR.fields:
        if is_repeated(field):
            continue
        if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            members[field.name] = _LEAVES[bytes if field.type == FieldDescriptor.TYPE_BYTES else str]
        elif field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
            members[field.name] = st.sampled_from([value.number for value in field.enum_type.values])
        elif (scalar := _SCALARS.get(field.cpp_type)) is not None:
            members[field.name] = scalar
    return st.fixed_dictionaries({}, optional=members).map(lambda given: cls(**given))
