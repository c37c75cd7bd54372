"""Detects by reference counts whether a value is shared: held by something other than its field.

Between two messages of one batch a value stays in memory; between two batches it is written and read back. The results
are the same only if nothing else holds a mutable part of it: another field, a list that contains it twice, an object
of the module. Reference counts detect that without a search for the holders. (Parts of a protobuf message are not
detected: each access creates new ones.)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

Unshared: TypeAlias = Callable[[Any, int], bool]
"""Whether a value is unshared. The int: the number of legitimate references besides its field and one variable."""

_getrefcount: Final[Callable[[object], int] | None] = getattr(sys, "getrefcount", None)


def _counted(value: object, _: int) -> int:
    return _getrefcount(value) if _getrefcount is not None else 0


def _usual() -> int:
    """The reference count of an unshared value: an item of a list, counted as the functions below count.

    0, so that every value counts as shared, if Python does not count references, or counts them in several places.
    """
    is_gil_enabled: Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)
    if _getrefcount is None or not is_gil_enabled():
        return 0
    [count] = [_counted(item, 0) for item in [object()]]
    return count


_USUAL: Final = _usual()


def unshared_value(value: Any, others: int) -> bool:
    """For mutable values without mutable parts."""
    return _getrefcount is not None and _getrefcount(value) <= _USUAL + others


def unshared_if_of(cls: type) -> Unshared:
    """For types that accept instances of classes other than *cls*, which are read back as *cls*."""
    return lambda value, _: value.__class__ is cls


def unshared_with_items(item: Unshared | None) -> Unshared:
    """For a list, a tuple or a set."""
    if item is None:
        return unshared_value

    def unshared(value: Any, others: int) -> bool:
        if _getrefcount is None or _getrefcount(value) > _USUAL + others:
            return False
        for each in value:  # noqa: SIM110 - all() would hold one more reference to each item
            if not item(each, 0):
                return False
        return True

    return unshared


def unshared_with_values(item: Unshared | None) -> Unshared:
    """For a dict; its keys are immutable."""
    if item is None:
        return unshared_value

    def unshared(value: Any, others: int) -> bool:
        if _getrefcount is None or _getrefcount(value) > _USUAL + others:
            return False
        for each in value.values():  # noqa: SIM110 - as above
            if not item(each, 0):
                return False
        return True

    return unshared


def unshared_with_each(items: Sequence[Unshared | None]) -> Unshared | None:
    """For a tuple of fixed length."""
    checks = [(index, item) for index, item in enumerate(items) if item is not None]
    if not checks:
        return None

    def unshared(value: Any, others: int) -> bool:
        if _getrefcount is None or _getrefcount(value) > _USUAL + others:
            return False
        for index, item in checks:
            each = value[index]
            if not item(each, 0):
                return False
        return True

    return unshared


def unshared_with_attributes(members: Mapping[str, Unshared | None], *, frozen: bool) -> Unshared | None:
    """For an attrs class."""
    checks = [(name, item) for name, item in members.items() if item is not None]
    if not checks:
        return None if frozen else unshared_value

    def unshared(value: Any, others: int) -> bool:
        if _getrefcount is None or _getrefcount(value) > _USUAL + others:
            return False
        for name, item in checks:
            each = getattr(value, name, None)
            if not item(each, 0):
                return False
        return True

    return unshared


def unshared_if_any(item: Unshared | None) -> Unshared | None:
    """For ``X | None``."""
    if item is None:
        return None
    return lambda value, others: value is None or item(value, others + 1)


def unshared_as_member(members: Mapping[type, Unshared | None]) -> Unshared | None:
    """For a union."""
    if all(item is None for item in members.values()):
        return None

    def unshared(value: Any, others: int) -> bool:
        item = members.get(value.__class__)
        return item is None or item(value, others + 1)

    return unshared
