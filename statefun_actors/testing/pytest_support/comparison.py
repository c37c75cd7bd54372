"""Where two values differ, field by field: for the report of a failed ``assert left == right``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any as Untyped
from typing import Final

import msgspec
from google.protobuf.message import Message

from statefun_actors.entity import Entity
from statefun_actors.testing.faults import displayed
from statefun_actors.types import message_name

_LINES: Final = 40


def explained(left: object, right: object) -> list[str] | None:
    """What pytest shows of *left* and *right*, which are not equal; None where they are nothing of this library.

    The first line has both in short, the others have the paths and the values that differ.
    """
    if not (_ours(left) or _ours(right)):
        return None
    found = list(_differences(left, right, ""))
    shown = found[:_LINES]
    if len(found) > _LINES:
        shown.append(f"and {len(found) - _LINES} more differences")
    return [f"{displayed(left)} == {displayed(right)}", *shown] if shown else None


def _ours(value: Untyped) -> bool:
    """Whether *value* is an entity, a message, an effect, or a list or dict of them."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return any(map(_ours, value))
    cls = type(value)
    if isinstance(value, Entity) or message_name(cls) is not None:
        return True
    return str(cls.__module__).startswith("statefun_actors.")  # None for some classes of protobuf


def _differences(left: Untyped, right: Untyped, path: str) -> Iterator[str]:
    if left == right:
        return
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        yield from _of_pairs(left, right, [(key, f"{path}[{key!r}]") for key in dict.fromkeys([*left, *right])], path)
    elif _is_list(left) and _is_list(right):
        pairs = [(index, f"{path}[{index}]") for index in range(max(len(left), len(right)))]
        yield from _of_pairs(dict(enumerate(left)), dict(enumerate(right)), pairs, path)
    elif left.__class__ is right.__class__ and (names := _fields(left)) is not None:
        for name in names:
            yield from _differences(getattr(left, name), getattr(right, name), f"{path}.{name}" if path else name)
    else:
        yield f"{path}: {displayed(left)} != {displayed(right)}" if path else "they are of different kinds"


def _of_pairs(left: Untyped, right: Untyped, keys: Sequence[tuple[object, str]], path: str) -> Iterator[str]:
    if len(left) != len(right):
        yield f"{path or 'length'}: {len(left)} items != {len(right)} items"
    for key, name in keys:
        if key not in right:
            yield f"{name}: only on the left: {displayed(left[key])}"
        elif key not in left:
            yield f"{name}: only on the right: {displayed(right[key])}"
        else:
            yield from _differences(left[key], right[key], name)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)


def _fields(value: Untyped) -> list[str] | None:
    """The names of the fields that are compared; None for a value without any."""
    cls = type(value)
    if isinstance(value, Entity):
        return list(cls.__function_type__.by_name)
    if isinstance(value, Message):
        return [field.name for field in value.DESCRIPTOR.fields]
    if (attributes := getattr(cls, "__attrs_attrs__", None)) is not None:
        return [attribute.name for attribute in attributes if attribute.eq]
    if dataclasses.is_dataclass(cls):
        return [field.name for field in dataclasses.fields(cls) if field.compare]
    if isinstance(value, msgspec.Struct):
        return list(cls.__struct_fields__)
    return None
