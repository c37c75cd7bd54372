"""Whether a value is as it would be read back, and held by nothing but its field.

Between two messages of one batch a value stays in memory; between two batches it is written and read back. Both come to
the same only where nothing else holds a part of it that can be changed in place: another field, a list that has it
twice, an object of the module. Counting references finds that without looking at whoever holds them. (It
does not find who holds a part of a protobuf message, which makes its parts anew for each who asks.)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

Alone: TypeAlias = Callable[[Any, int], bool]
"""Whether a value is alone. The int: how many references more than its place and one variable hold it rightly."""

_getrefcount: Final[Callable[[object], int] | None] = getattr(sys, "getrefcount", None)


def _counted(value: object, _: int) -> int:
    return _getrefcount(value) if _getrefcount is not None else 0


def _usual() -> int:
    """The count of a value that is alone: of an item of a list, asked for as the functions below ask.

    0, so that no value is taken for alone, where Python does not count references or counts them in several places.
    """
    is_gil_enabled: Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)
    if _getrefcount is None or not is_gil_enabled():
        return 0
    [count] = [_counted(item, 0) for item in [object()]]
    return count


_USUAL: Final = _usual()


def alone_itself(value: Any, others: int) -> bool:
    """Of a value that can be changed in place, and holds nothing else that can be."""
    return _getrefcount is not None and _getrefcount(value) <= _USUAL + others


def alone_if_of(cls: type) -> Alone:
    """Of a type that takes instances of other classes than *cls*, as which they are read back."""
    return lambda value, _: value.__class__ is cls


def alone_with_items(item: Alone | None) -> Alone:
    """Of a list, a tuple or a set."""
    if item is None:
        return alone_itself

    def alone(value: Any, others: int) -> bool:
        if _getrefcount is None or _getrefcount(value) > _USUAL + others:
            return False
        for each in value:  # noqa: SIM110 - all() would hold each item once more
            if not item(each, 0):
                return False
        return True

    return alone


def alone_with_values(item: Alone | None) -> Alone:
    """Of a dict, whose keys can never be changed."""
    if item is None:
        return alone_itself

    def alone(value: Any, others: int) -> bool:
        if _getrefcount is None or _getrefcount(value) > _USUAL + others:
            return False
        for each in value.values():  # noqa: SIM110 - as above
            if not item(each, 0):
                return False
        return True

    return alone


def alone_with_each(items: Sequence[Alone | None]) -> Alone | None:
    """Of a tuple of just these."""
    checks = [(index, item) for index, item in enumerate(items) if item is not None]
    if not checks:
        return None

    def alone(value: Any, others: int) -> bool:
        if _getrefcount is None or _getrefcount(value) > _USUAL + others:
            return False
        for index, item in checks:
            each = value[index]
            if not item(each, 0):
                return False
        return True

    return alone


def alone_with_attributes(members: Mapping[str, Alone | None], *, frozen: bool) -> Alone | None:
    """Of an attrs class."""
    checks = [(name, item) for name, item in members.items() if item is not None]
    if not checks:
        return None if frozen else alone_itself

    def alone(value: Any, others: int) -> bool:
        if _getrefcount is None or _getrefcount(value) > _USUAL + others:
            return False
        for name, item in checks:
            each = getattr(value, name, None)
            if not item(each, 0):
                return False
        return True

    return alone


def alone_if_any(item: Alone | None) -> Alone | None:
    """Of ``X | None``."""
    if item is None:
        return None
    return lambda value, others: value is None or item(value, others + 1)


def alone_as_member(members: Mapping[type, Alone | None]) -> Alone | None:
    """Of a union."""
    if all(item is None for item in members.values()):
        return None

    def alone(value: Any, others: int) -> bool:
        item = members.get(value.__class__)
        return item is None or item(value, others + 1)

    return alone
