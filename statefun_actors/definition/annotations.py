"""Reading the types that a user wrote: of a handler's message, alone or in a union."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any as Untyped


class UnresolvedAnnotationError(Exception):
    """An annotation that names something which isn't there (yet)."""


def parameter_annotation(function: Callable[..., object], index: int, local: Mapping[str, object]) -> object:
    """The annotation of the positional parameter *index*, resolved; ``inspect.Parameter.empty`` without one.

    Only this one is evaluated: the others may name things that exist for the type checker alone.
    *local* is the name space around the definition, for classes made inside a function.

    Raises:
        UnresolvedAnnotationError: the annotation can't be evaluated.
        IndexError: there is no such parameter.
    """
    code = function.__code__
    if index >= code.co_argcount:
        raise IndexError(index)
    name = code.co_varnames[index]
    annotation = _raw_annotations(function).get(name, inspect.Parameter.empty)
    return resolve(annotation, function.__globals__, local)


def _raw_annotations(owner: Untyped) -> Mapping[str, object]:
    if sys.version_info >= (3, 14):
        import annotationlib  # noqa: PLC0415 - new in 3.14

        return annotationlib.get_annotations(owner, format=annotationlib.Format.FORWARDREF)
    return inspect.get_annotations(owner)


def class_annotations(cls: type) -> Mapping[str, object]:
    """The annotations that *cls* itself makes, unresolved where they are strings."""
    return _raw_annotations(cls)


def resolve(annotation: object, global_names: Mapping[str, object], local: Mapping[str, object]) -> object:
    """*annotation*, evaluated where it is a string or a forward reference.

    Raises:
        UnresolvedAnnotationError: it can't be evaluated.
    """
    text = annotation
    if isinstance(annotation, typing.ForwardRef) or type(annotation).__name__ == "ForwardRef":
        text = annotation.__forward_arg__  # type: ignore[attr-defined]
    if not isinstance(text, str):
        return annotation
    try:
        return eval(text, dict(global_names), dict(local))  # noqa: S307 - the user's own annotation
    except Exception as error:
        raise UnresolvedAnnotationError(f"the annotation {text!r} can't be resolved ({error})") from error


def message_types(annotation: object) -> tuple[object, ...]:
    """The members of a union, or the one type itself."""
    if isinstance(annotation, typing.TypeAliasType if sys.version_info >= (3, 12) else ()):
        annotation = annotation.__value__
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return tuple(member for part in typing.get_args(annotation) for member in message_types(part))
    return (annotation,)
