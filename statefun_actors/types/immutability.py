"""Whether values are immutable, in depth: those that are not must not be the default of many objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
from google.protobuf.message import Message

from statefun_actors.types.attrs_objects import is_frozen, other_attributes
from statefun_actors.types.kinds import is_attrs_class


def is_immutable(value: object) -> bool:
    """Whether *value* is immutable, in depth."""
    return not any(map(_is_mutable, _parts(value)))


def keeps_more(value: object) -> bool:
    """Whether *value*, though it is immutable, may keep what its code adds to it: the value of a cached property."""
    return any(is_attrs_class(type(part)) and other_attributes(type(part)) is not None for part in _parts(value))


def shared_part(one: object, other: object) -> object:
    """A mutable part of both values, maybe a value itself; None without one."""
    of_one = [part for part in _parts(one) if _is_mutable(part)]
    known = set(map(id, of_one))
    return next((part for part in _parts(other) if id(part) in known), None)


def _is_mutable(part: object) -> bool:
    """Whether *part* itself can be changed; its parts are looked at on their own."""
    cls = type(part)
    if isinstance(part, Message):
        return True
    if is_attrs_class(cls):
        return not is_frozen(cls)
    return part is not None and (cls.__hash__ is None or cls.__hash__ is object.__hash__)


def _parts(value: Any) -> Iterator[object]:
    """*value*, and all that it contains; that of a protobuf message is not listed."""
    seen: set[int] = set()
    waiting: list[object] = [value]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        cls: Any = type(part)
        if isinstance(part, Message):  # of some, values() returns new objects
            continue
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list | tuple | set | frozenset):
            waiting += part
        elif is_attrs_class(cls):
            waiting += [getattr(part, each.name, None) for each in attrs.fields(cls)]
