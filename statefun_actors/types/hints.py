"""Annotations of attrs classes with names resolved and type variables substituted."""

from __future__ import annotations

import sys
import typing
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import attrs

from statefun_actors.types.codec import UnresolvedNameError

_resolved: WeakKeyDictionary[type, dict[str, object]] = WeakKeyDictionary()
"""Annotations resolved where the class was defined, with the local names of the enclosing function in scope."""


def remember_hints(cls: type, local_names: Mapping[str, object]) -> None:
    """Resolve the annotations of *cls* now, as far as possible, with *local_names* in scope."""
    known: dict[str, object] = {}
    for attribute in attrs.fields(cls):
        try:
            known[attribute.name] = _resolve(cls, attribute, local_names)
        except UnresolvedNameError:
            continue
    _resolved[cls] = known


def hint_of(cls: type, attribute: attrs.Attribute[Any], arguments: Mapping[object, object]) -> object:
    """The annotation of *attribute* with names resolved and type variables substituted by *arguments*.

    Raises:
        UnresolvedNameError: it names something that does not exist (yet).
    """
    known = _resolved.get(cls, {})
    hint = known[attribute.name] if attribute.name in known else _resolve(cls, attribute, {})
    return substituted(hint, arguments)


def type_arguments(cls: type, arguments: tuple[object, ...]) -> dict[object, object]:
    """The argument for each type variable of *cls* and its bases, for ``cls[arguments]``."""
    filled: dict[object, object] = dict(zip(getattr(cls, "__parameters__", ()), arguments, strict=False))
    for each in cls.__mro__:
        for base in vars(each).get("__orig_bases__", ()):
            parameters = getattr(typing.get_origin(base), "__parameters__", ())
            for parameter, argument in zip(parameters, typing.get_args(base), strict=False):
                filled.setdefault(parameter, substituted(argument, filled))
    return filled


def substituted(hint: object, arguments: Mapping[object, object]) -> object:
    """Substitute the type variables of *hint* by *arguments*, as :func:`type_arguments` returns them."""
    if isinstance(hint, typing.TypeVar):
        return arguments.get(hint, hint)
    parameters = getattr(hint, "__parameters__", ())
    if not arguments or not parameters or isinstance(hint, type):
        return hint
    return hint[tuple(arguments.get(each, each) for each in parameters)]  # type: ignore[index]


def type_variable(hint: object) -> object | None:
    """The first type variable in *hint*; None if there is none. A generic class without arguments has none."""
    if isinstance(hint, typing.TypeVar):
        return hint
    parameters = () if isinstance(hint, type) else getattr(hint, "__parameters__", ())
    return parameters[0] if parameters else None


def _annotates(cls: type, name: str) -> bool:
    """Whether *cls* itself annotates the attribute *name*."""
    return any(each.name == name and not each.inherited for each in vars(cls).get("__attrs_attrs__", ()))


def _resolve(cls: type, attribute: attrs.Attribute[Any], local_names: Mapping[str, object]) -> object:
    """Evaluate the annotation in the module of the class that wrote it."""
    owner = next((each for each in cls.__mro__ if _annotates(each, attribute.name)), cls)
    module = vars(sys.modules[owner.__module__]) if owner.__module__ in sys.modules else {}
    holder = type("holder", (), {"__annotations__": {"hint": attribute.type}})
    nested = {name: each for name, each in vars(owner).items() if isinstance(each, type) and name not in module}
    names = {**nested, owner.__name__: owner, cls.__name__: cls, **local_names}
    try:
        return typing.get_type_hints(holder, module, names, include_extras=True)["hint"]
    except NameError as error:
        raise UnresolvedNameError(
            [f"{error}: define it at the top level of {owner.__module__}, outside `if TYPE_CHECKING:`"]
        ) from None
    except (SyntaxError, TypeError) as error:
        raise UnresolvedNameError([f"`{attribute.type}` is not an annotation: {error}"]) from None
