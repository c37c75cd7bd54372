"""The names that classes have on the wire."""

from __future__ import annotations

from weakref import WeakKeyDictionary, WeakSet

_strict: WeakSet[type] = WeakSet()
_names: WeakKeyDictionary[type, str] = WeakKeyDictionary()


def message_name(cls: type) -> str | None:
    """The name given to *cls* itself by ``message("<namespace>/<name>")``, None if there is none.

    Names are not inherited: a subclass of a named class has none until it is given one.
    """
    return _names.get(cls)


def classes_named(typename: str) -> list[type]:
    """Every class that was given the name *typename* and is still there, the latest last."""
    return [cls for cls, name in _names.items() if name == typename]


def take_name(cls: type) -> None:
    """Takes the name off *cls* again, which turned out to be no message."""
    del _names[cls]
    _strict.discard(cls)


def give_name(cls: type, typename: str, *, strict: bool = False) -> None:
    """Names *cls*, which must have no name yet. *strict*: its messages may have no unknown keys."""
    _names[cls] = typename
    if strict:
        _strict.add(cls)


def is_strict(cls: type) -> bool:
    """Whether messages of the class *cls* with unknown keys are refused."""
    return cls in _strict
