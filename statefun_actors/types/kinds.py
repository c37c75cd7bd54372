"""Predicates on annotations: union, optional, attrs class, enum, type alias."""

from __future__ import annotations

import types
import typing
from enum import Enum
from typing import Final

from statefun_actors.types.advice import is_entity_class
from statefun_actors.types.scalars import is_int64

_NoneType: Final = type(None)


def unwrapped(annotation: object) -> object:
    """Strip what does not change the values from *annotation*: Annotated, NewType, type aliases."""
    while True:
        if typing.get_origin(annotation) is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif is_alias(annotation):
            annotation = annotation.__value__  # type: ignore[attr-defined]
        elif is_alias(origin := typing.get_origin(annotation)):
            annotation = origin.__value__[typing.get_args(annotation)]  # type: ignore[union-attr]
        else:
            return annotation


def split_optional(annotation: object) -> tuple[object, bool]:
    """Split ``| None`` off the top of *annotation*; the bool says whether it was there.

    ``Annotated``, ``NewType`` and type aliases at the top are stripped as well: they don't change the values.
    """
    annotation = unwrapped(annotation)
    if not is_union(annotation):
        return annotation, False
    rest = without_none(annotation)
    if rest is None:
        return annotation, False
    inner, _ = split_optional(rest)
    return inner, True


def is_union(annotation: object) -> bool:
    """Whether it is ``X | Y`` or ``Union[X, Y]``."""
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def without_none(union: object) -> object | None:
    """*union* without None; None if it has no None member."""
    members = typing.get_args(union)
    others = tuple(each for each in members if unwrapped(each) is not _NoneType)
    return typing.Union[others] if 0 < len(others) < len(members) else None  # noqa: UP007 - a variable number of members


def is_attrs_class(cls: object) -> typing.TypeGuard[type]:
    """Whether *cls* itself, not just a base of it, is an attrs class of values. An Entity class is not."""
    return isinstance(cls, type) and "__attrs_attrs__" in vars(cls) and not is_entity_class(cls)


def is_storable_enum(cls: object) -> typing.TypeGuard[type[Enum]]:
    """Whether *cls* is an Enum with members whose values are all str, or all ints of 64 bits or str."""
    if not (isinstance(cls, type) and issubclass(cls, Enum)):
        return False
    values = [each.value for each in cls]
    return bool(values) and all(type(value) is str or is_int64(value) for value in values)


def is_alias(annotation: object) -> bool:
    """Whether it is a type alias, ``type X = …`` or TypeAliasType of typing_extensions."""
    return type(annotation).__name__ == "TypeAliasType" and hasattr(annotation, "__value__")
