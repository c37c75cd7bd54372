"""Detached instances: created by user code for tests of plain methods, from stored state, or by copying and unpickling.

They have a class of their own, which raises a helpful error when an undeclared attribute is assigned. Only
``type(...)`` shows that. Instances in batches don't pay for this error.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any as Untyped
from typing import NoReturn

from statefun_actors.address import Address
from statefun_actors.entity.reserved_names import ENTITY_NAMES
from statefun_actors.errors import DetachedEntityError, UndeclaredAttributeError
from statefun_actors.model import TypedValue


def detached_class(cls: Untyped) -> Untyped:
    """The class of the detached instances of *cls*."""
    found = cls.__dict__.get("__detached__")
    if found is None:
        namespace: dict[str, object] = {
            "__slots__": (),
            "__module__": cls.__module__,
            "__qualname__": cls.__qualname__,
            "__doc__": cls.__doc__,
            "__class__": property(lambda _: cls),
            "__setattr__": _set_declared,
            "__new__": _new,
        }
        found = _unannounced(cls, namespace)
        type.__setattr__(cls, "__detached__", found)
    return found


def _unannounced(cls: Untyped, namespace: dict[str, object]) -> Untyped:
    """A subclass for which the user's ``__init_subclass__`` is not called: to users it is the class itself."""
    own = cls.__dict__.get("__init_subclass__")
    type.__setattr__(cls, "__init_subclass__", classmethod(lambda _: None))
    try:
        return abc.ABCMeta.__new__(type(cls), cls.__name__, (cls,), namespace)
    finally:
        if own is None:
            type.__delattr__(cls, "__init_subclass__")
        else:
            type.__setattr__(cls, "__init_subclass__", own)


def _new(cls: type, /, *_: object, **__: object) -> Untyped:
    subject: Untyped = object.__new__(cls)
    object.__setattr__(subject, "__scope__", None)
    return subject


def _set_declared(self: Untyped, name: str, value: object) -> None:
    try:
        object.__setattr__(self, name, value)
    except AttributeError:
        if name in ENTITY_NAMES or any(name in cls.__dict__ for cls in type(self).__mro__):
            raise  # a property, or a method
        function = type(self).__function_type__
        raise UndeclaredAttributeError(function.name, name, tuple(function.by_name)) from None


def restored(cls: Untyped, values: Mapping[str, object]) -> Untyped:
    """A detached instance of *cls* with *values*; those that the class no longer declares are left out."""
    return cls(**{name: held for name, held in values.items() if name in cls.__function_type__.by_name})


def hydrate(cls: Untyped, address: Address, state: Mapping[str, TypedValue | None]) -> Untyped:
    """A detached instance of *cls* with *state*: to look at, outside any handler.

    Raises:
        StateDecodeError: a state does not fit its field.
    """
    function = cls.__function_type__
    values = {}
    for field in function.fields:
        stored = state.get(field.state_name)
        if stored is not None:
            values[field.name] = field.field.read(f"{function.name}({address.id!r})", stored)
    return cls(**values)


def no_scope(entity: object, attribute: str) -> NoReturn:
    """Raise for an entity without a scope, or whose scope has ended: None and OVER are both false."""
    raise DetachedEntityError(type(entity).__name__, attribute)
