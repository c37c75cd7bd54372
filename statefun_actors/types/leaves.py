"""Shapes of single values: numbers, text, bytes, datetimes, identifiers, enums, literals.

Classes are compared exactly: True is not an int, and a subclass of str would be read back as a plain str.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

import msgspec

from statefun_actors.address import Address
from statefun_actors.errors import InvalidAddressError
from statefun_actors.interrupts import of_user_code
from statefun_actors.types import moments
from statefun_actors.types.mismatch import Mismatch, kind, shown
from statefun_actors.types.scalars import (
    LARGEST,
    SMALLEST,
    base64_text,
    bytes_of_base64,
    exact_float,
    int64_mismatch,
    nearest_float,
)
from statefun_actors.types.shape import Many, One, Shape, many, wrong_type
from statefun_actors.types.sharing import UnsharedIfOf


def _only(cls: type) -> One:
    """Accept only instances of the exact class *cls*."""

    def check(value: Any) -> Any:
        if value.__class__ is not cls:
            raise wrong_type(cls.__name__, value)
        return value

    return check


def _only_many(cls: type) -> Many:
    all_fit = frozenset((cls,)).issuperset
    each = many(_only(cls))

    def check(items: Collection[Any]) -> Collection[Any]:
        return items if all_fit(map(type, items)) else each(items)

    return check


def _int(value: Any) -> Any:
    if value.__class__ is not int:
        raise wrong_type("int", value)
    if not SMALLEST <= value <= LARGEST:
        raise int64_mismatch(value)
    return value


def _ints(items: Collection[Any]) -> Collection[Any]:
    if _ONLY_INT(map(type, items)):
        try:
            array("q", items)  # finds an int beyond 64 bits faster than min() and max()
        except OverflowError:
            return _each_int(items)
        return items
    return _each_int(items)


def _float(value: Any) -> Any:
    value = exact_float(value)
    if not math.isfinite(value):
        raise Mismatch("a finite `float`", shown(value))
    return value


def _floats(items: Collection[Any]) -> Collection[Any]:
    if _ONLY_FLOAT(map(type, items)) and all(map(math.isfinite, items)):
        return items
    return _each_float(items)


def _load_floats(items: Collection[Any]) -> Collection[Any]:
    return items if _ONLY_FLOAT(map(type, items)) else _load_each_float(items)


_ONLY_INT = frozenset((int,)).issuperset
_ONLY_FLOAT = frozenset((float,)).issuperset
_each_int = many(_int)
_each_float = many(_float)
_load_each_float = many(nearest_float)


def _dump_bytes(value: Any) -> str:
    if value.__class__ is not bytes:
        raise wrong_type("bytes", value)
    return base64_text(value)


def _as_text(cls: type, write: Callable[[Any], str], read: Callable[[str], Any], *, merges: bool = False) -> Shape:
    """A shape written as one str. *read* may raise any ArithmeticError or ValueError."""
    name = cls.__name__

    def dump(value: Any) -> str:
        if value.__class__ is not cls:
            raise wrong_type(name, value)
        return write(value)

    def load(obj: Any) -> Any:
        if obj.__class__ is not str:
            raise Mismatch(f"`{name}` as text", kind(obj))
        try:
            return read(obj)
        except (ArithmeticError, ValueError):
            raise Mismatch(f"`{name}` as text", shown(obj)) from None

    return Shape(name, dump, load, hashable=True, merges=merges)


def _read_timedelta(text: str) -> timedelta:
    try:
        return msgspec.convert(text, timedelta)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def _write_decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise Mismatch("a finite `Decimal`", shown(value))
    return str(value)


def _read_decimal(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite():
        raise ValueError(text)
    return value


def _dump_address(value: Any) -> Any:
    # Account.at creates addresses of a class of its own, equal to the plain one that is read back.
    if not isinstance(value, Address):
        raise wrong_type("Address", value)
    return [value[0], value[1]]


def _load_address(obj: Any) -> Any:
    if obj.__class__ is not list or len(obj) != 2:
        raise Mismatch("`Address` as [typename, id]", kind(obj))
    try:
        return Address(obj[0], obj[1])
    except InvalidAddressError:
        raise Mismatch("`Address` as [typename, id]", shown(obj)) from None


LEAVES: Final[dict[object, Shape]] = {
    bool: Shape(
        "bool",
        _only(bool),
        _only(bool),
        _only_many(bool),
        _only_many(bool),
        hashable=True,
        passes="{v} is True or {v} is False",
    ),
    int: Shape(
        "int",
        _int,
        _int,
        _ints,
        _ints,
        hashable=True,
        ordered=True,
        passes=f"{{v}}.__class__ is int and {SMALLEST} <= {{v}} <= {LARGEST}",
    ),
    float: Shape(
        "float",
        _float,
        nearest_float,
        _floats,
        _load_floats,
        hashable=True,
        unshared=UnsharedIfOf(float),
        passes="{v}.__class__ is float and {v} - {v} == 0.0",  # NaN unless it is finite
    ),
    str: Shape(
        "str",
        _only(str),
        _only(str),
        _only_many(str),
        _only_many(str),
        hashable=True,
        ordered=True,
        passes="{v}.__class__ is str",
    ),
    bytes: Shape("bytes", _dump_bytes, bytes_of_base64, hashable=True),
    datetime: _as_text(datetime, moments.write_in_message, moments.read, merges=True),
    date: _as_text(date, date.isoformat, date.fromisoformat),
    timedelta: _as_text(timedelta, msgspec.to_builtins, _read_timedelta),
    Decimal: _as_text(Decimal, _write_decimal, _read_decimal),
    UUID: _as_text(UUID, str, UUID),
    Address: Shape("Address", _dump_address, _load_address, hashable=True, unshared=UnsharedIfOf(Address)),
}
"""Shapes of the classes without parts, as they are in messages."""

STATE_LEAVES: Final[dict[object, Shape]] = {
    **LEAVES,
    datetime: _as_text(datetime, moments.write_in_state, moments.read),
}
"""The same as they are in state, where a datetime keeps its zone."""


def enum_shape(cls: type[Enum]) -> Shape:
    """The shape of an enum, written as its value. The caller has checked that all values are str or int."""
    kinds = frozenset(type(value) for value in cls._value2member_map_)
    name = cls.__name__

    def dump(value: Any) -> Any:
        if value.__class__ is not cls:
            raise wrong_type(name, value)
        return value.value

    def load(obj: Any) -> Any:
        if obj.__class__ not in kinds:
            raise Mismatch(f"a value of `{name}`", kind(obj))
        try:
            return cls(obj)
        except BaseException as error:  # ValueError, or anything that the user's _missing_ raises
            raise Mismatch(f"a value of `{name}`", shown(obj), of_user_code(error)) from None

    return Shape(name, dump, load, hashable=True)


def literal_shape(choices: tuple[str | int | bool, ...]) -> Shape:
    """The shape of a Literal. Choices of different classes are different: Literal[1] does not accept True."""
    known = frozenset((type(choice), choice) for choice in choices)
    spelling = f"Literal[{', '.join(map(repr, choices))}]"

    def check(value: Any) -> Any:
        try:
            if (value.__class__, value) in known:
                return value
        except TypeError:  # unhashable
            pass
        raise Mismatch(f"`{spelling}`", shown(value))

    return Shape(spelling, check, check, hashable=True)
