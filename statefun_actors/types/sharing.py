"""Detects by reference counts whether a value is shared: held by something other than its field.

Between two messages of one batch a value stays in memory; between two batches it is written and read back. The results
are the same only if nothing else holds a mutable part of it: another field, a list that contains it twice, an object
of the module. Reference counts detect that without a search for the holders.

Some values are not the same as what would be read back, though nothing else holds them, or though it can't be told:

- A set has an order that depends on how it became what it is, and is written sorted.
- Parts of a protobuf message are objects that are created by each access, and are not counted.
- An object of an attrs class may have attributes that are not fields, such as those of ``functools.cached_property``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

Unshared: TypeAlias = Callable[[Any, int], bool]
"""Whether a value is unshared. The int: the number of legitimate references besides its field and one variable."""

count_references: Final[Callable[[object], int]] = getattr(sys, "getrefcount", lambda _: 1)
"""The number of references to a value. If Python does not count them, more than either number below."""


def _counted(value: object, _: int) -> int:
    return count_references(value)


def _references_in(count: Callable[[list[object]], int]) -> int:
    """The references to an unshared value, an item of a list, as *count* finds them.

    0, so that every value counts as shared, if Python does not count references, or counts them in several places.
    """
    is_gil_enabled: Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)
    return count([object()]) if hasattr(sys, "getrefcount") and is_gil_enabled() else 0


def _count_in_call(values: list[object]) -> int:
    [count] = [_counted(each, 0) for each in values]
    return count


def _count_in_place(values: list[object]) -> int:
    for each in values:
        return count_references(each)
    return 0


_IN_CALL: Final = _references_in(_count_in_call)
"""The references to an unshared value, counted in a function that a variable's value is passed to."""
IN_PLACE: Final = _references_in(_count_in_place)
"""The references to an unshared value, counted where one variable has it."""


def unshared_value(value: Any, others: int) -> bool:
    """For mutable values without mutable parts."""
    return count_references(value) <= _IN_CALL + others


def never_unshared(value: Any, others: int) -> bool:  # noqa: ARG001 - as others are called
    """For mutable values of which no count tells whether they would be read back as they are."""
    return False


class UnsharedIfOf:
    """For types that accept instances of classes other than *cls*, which are read back as *cls*."""

    __slots__ = ("cls",)

    def __init__(self, cls: type) -> None:
        self.cls = cls

    def __call__(self, value: Any, _: int) -> bool:
        return value.__class__ is self.cls


def _all_unshared(item: Unshared) -> Callable[[Iterable[Any]], bool]:
    """Whether all of some values are unshared, each by *item*. The usual kinds need no call for each value."""
    # Not by all(), which would hold one more reference to each value.

    def all_unshared_values(values: Iterable[Any]) -> bool:
        for each in values:  # noqa: SIM110
            if count_references(each) > IN_PLACE:
                return False
        return True

    if item is unshared_value:
        return all_unshared_values

    if isinstance(item, UnsharedIfOf):
        cls = item.cls

        def all_of_class(values: Iterable[Any]) -> bool:
            for each in values:  # noqa: SIM110
                if type(each) is not cls:
                    return False
            return True

        return all_of_class

    def all_unshared(values: Iterable[Any]) -> bool:
        for each in values:  # noqa: SIM110
            if not item(each, 0):
                return False
        return True

    return all_unshared


def unshared_with_items(item: Unshared | None) -> Unshared:
    """For a list or a tuple."""
    if item is None:
        return unshared_value
    all_unshared = _all_unshared(item)

    def unshared(value: Any, others: int) -> bool:
        return count_references(value) <= _IN_CALL + others and all_unshared(value)

    return unshared


def unshared_if_ordered(item: Unshared | None) -> Unshared:
    """For a frozenset, whose order is known if it has one item or none."""
    all_unshared = None if item is None else _all_unshared(item)

    def unshared(value: Any, _: int) -> bool:
        return len(value) <= 1 and (all_unshared is None or all_unshared(value))

    return unshared


def unshared_with_values(item: Unshared | None) -> Unshared:
    """For a dict; its keys are immutable."""
    if item is None:
        return unshared_value
    all_unshared = _all_unshared(item)

    def unshared(value: Any, others: int) -> bool:
        return count_references(value) <= _IN_CALL + others and all_unshared(value.values())

    return unshared


def unshared_with_each(items: Sequence[Unshared | None]) -> Unshared | None:
    """For a tuple of fixed length."""
    checks = [(index, item) for index, item in enumerate(items) if item is not None]
    if not checks:
        return None

    def unshared(value: Any, others: int) -> bool:
        if count_references(value) > _IN_CALL + others:
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
        if count_references(value) > _IN_CALL + others:
            return False
        for name, item in checks:
            each = getattr(value, name, None)
            if not item(each, 0):
                return False
        return True

    return unshared


def unshared_without(more: Callable[[Any], bool], unshared: Unshared | None) -> Unshared:
    """For objects that may have *more* attributes than those that *unshared* checks, which are not read back."""
    return lambda value, others: not more(value) and (unshared is None or unshared(value, others + 1))


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
