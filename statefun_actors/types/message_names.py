"""Typenames given to classes by ``message(...)``."""

from __future__ import annotations

from weakref import WeakKeyDictionary, WeakSet

_strict: WeakSet[type] = WeakSet()
_names: WeakKeyDictionary[type, str] = WeakKeyDictionary()


def message_name(cls: type) -> str | None:
    """The name given to *cls* itself by ``message("<namespace>/<name>")``; None without one.

    Names are not inherited: a subclass of a named class has no name until it is given one.
    """
    return _names.get(cls)


def classes_named(typename: str) -> list[type]:
    """All classes with the name *typename* that still exist, the latest last."""
    return [cls for cls, name in _names.items() if name == typename]


def remove_name(cls: type) -> None:
    """Remove the name of *cls*, which turned out not to be a message."""
    del _names[cls]
    _strict.discard(cls)


def give_name(cls: type, typename: str, *, strict: bool = False) -> None:
    """Name *cls*, which must have no name. *strict*: messages with unknown keys are refused."""
    _names[cls] = typename
    if strict:
        _strict.add(cls)


def is_strict(cls: type) -> bool:
    """Whether messages of *cls* with unknown keys are refused."""
    return cls in _strict
