"""Evaluates the annotations of fields and of handlers' messages."""

from __future__ import annotations

import contextlib
import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any as Untyped

from statefun_actors.types import split_optional


class UnresolvedAnnotationError(Exception):
    """An annotation names something that does not exist (yet)."""


def parameter_annotation(function: Callable[..., object], index: int, local: Mapping[str, object]) -> object:
    """The evaluated annotation of the positional parameter *index*; ``inspect.Parameter.empty`` without one.

    Of a decorated function, the wrapped function counts. Only this one annotation is evaluated: others may name things
    that exist only for type checkers. *local* is the name space around the definition, for classes defined inside a
    function.

    Raises:
        UnresolvedAnnotationError: the annotation can't be evaluated.
        IndexError: there is no such parameter.
    """
    inner: Untyped = inspect.unwrap(function)
    code = inner.__code__
    if index >= code.co_argcount:
        raise IndexError(index)
    return _annotation(inner, code.co_varnames[index], local)


def return_annotation(function: Callable[..., object], local: Mapping[str, object]) -> object:
    """The evaluated return annotation of *function*; ``inspect.Parameter.empty`` without one.

    Raises:
        UnresolvedAnnotationError: the annotation can't be evaluated.
    """
    return _annotation(inspect.unwrap(function), "return", local)


def _annotation(function: Untyped, name: str, local: Mapping[str, object]) -> object:
    annotations = _raw_annotations(function)
    if name not in annotations:
        return inspect.Parameter.empty
    return resolve(annotations[name], function.__globals__, {**_closure(function), **local})


def _closure(function: Untyped) -> dict[str, object]:
    """The names of enclosing functions that *function* uses and that have values yet."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # an empty cell
            found[name] = cell.cell_contents
    return found


def _raw_annotations(owner: Untyped) -> Mapping[str, object]:
    if sys.version_info >= (3, 14):
        import annotationlib  # noqa: PLC0415 - new in 3.14

        return annotationlib.get_annotations(owner, format=annotationlib.Format.FORWARDREF)
    return inspect.get_annotations(owner)


def class_annotations(cls: type) -> Mapping[str, object]:
    """The annotations of *cls* itself; strings are not evaluated."""
    return _raw_annotations(cls)


def resolve(annotation: object, global_names: Mapping[str, object], local: Mapping[str, object]) -> object:
    """Evaluate every string and forward reference in *annotation*.

    Raises:
        UnresolvedAnnotationError: it can't be evaluated.
    """
    holder = type("holder", (), {"__annotations__": {"hint": annotation}})
    try:
        return typing.get_type_hints(holder, dict(global_names), dict(local), include_extras=True)["hint"]
    except Exception as error:
        text = annotation.strip("'\"") if isinstance(annotation, str) else str(annotation).removeprefix("typing.")
        raise UnresolvedAnnotationError(f"the annotation {text!r} can't be resolved ({error})") from error


def message_types(annotation: object) -> tuple[object, ...]:
    """The members of a union in order, with ``type(None)`` last if None is one, or the single type."""
    inner, optional = split_optional(annotation)
    members: tuple[object, ...] = (inner,)
    if isinstance(inner, types.UnionType) or typing.get_origin(inner) is typing.Union:
        members = tuple(member for part in typing.get_args(inner) for member in message_types(part))
    return (*members, type(None)) if optional else members
